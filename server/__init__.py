"""Program 2: the gRPC face of one generation, and its command-line clients."""
