"""Decoder processes: a file that crashes its decoder, hangs it or fills its memory ends one process and no more."""
