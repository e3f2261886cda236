"""The decoders: libsndfile first, FFmpeg as a second opinion, and the links of a chained Ogg file one by one."""
