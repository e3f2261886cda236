"""MERT: a music transformer of 13 or 25 layers as an encoder. The only package that uses torch."""
