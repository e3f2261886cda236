"""The encoder as a service of its own over gRPC: clips in, embeddings out (docs/decisions/0008-encoder-process.md)."""
