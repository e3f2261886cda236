"""How good the answers are: measures one published generation and writes reports. Program 3 of Soundkin."""
