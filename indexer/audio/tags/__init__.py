"""Reads the tags of audio files: one kind of tag a module, and the way from raw values to what is kept of a file."""
