"""The command-line clients: requests from command-line words, calls to a server, and replies as tables."""
