"""The encoder as a process of its own: clips in, vectors out, over gRPC (docs/decisions/0008-encoder-process.md)."""
