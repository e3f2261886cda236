"""The library: finds similar artists from arrays and catalog rows. No torch, gRPC, printing or environment."""
