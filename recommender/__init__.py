"""The library: which artists are kin, from arrays and rows. No torch, no gRPC, no printing, no environment."""
