"""Messages and stubs of proto/soundkin/v1/encoder.proto: what server and encoder say to each other."""
