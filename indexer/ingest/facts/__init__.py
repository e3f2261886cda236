"""Derives artists, tracks, genres and collaborations from what all files say, so that a corrected tag replaces."""
