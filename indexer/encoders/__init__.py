"""Encoders: waveforms to embeddings, one vector for each clip and layer. One folder for each kind of encoder."""
