"""MERT, a transformer for music, as an encoder of 13 or 25 layers. The only package that uses torch."""
