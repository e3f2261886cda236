"""How good the similarities are: measures of ranking, of hubs, of coverage."""
