"""The nightly run: its configuration, its steps and its report."""
