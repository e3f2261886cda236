"""The libraries that turn bytes into samples, one a file."""
