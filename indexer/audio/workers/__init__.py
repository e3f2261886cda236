"""Decoder processes: what a file can do to a decoder, it does to that process alone."""
