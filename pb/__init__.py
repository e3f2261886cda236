"""Python code generated from proto/soundkin/v1 by `make proto`. Do not edit."""
