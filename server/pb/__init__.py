"""Generated from proto/soundkin/v1/soundkin.proto by `make proto`. Do not edit."""
