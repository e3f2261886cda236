"""Program 2: the gRPC server that answers from one generation, and its command-line clients."""
