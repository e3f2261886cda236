"""One encoder on several devices: a process for each, which all make the same vectors. Knows neither torch nor MERT."""
