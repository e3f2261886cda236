"""The identity of a clip: a hash of the bytes of its sound, which no tag, cover or file name changes."""
