"""The default encoder: classic audio descriptors of timbre, harmony, rhythm, spectral shape and dynamics."""
