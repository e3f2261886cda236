"""The length of the sound in a file by its bytes, where a header may be wrong or missing."""
