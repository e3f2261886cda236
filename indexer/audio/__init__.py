"""Audio files to waveforms and tags: which format a file has, which part of it is decoded, and why it is refused."""
