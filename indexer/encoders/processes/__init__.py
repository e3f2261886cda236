"""Encoder processes: one for each device, so that several devices embed one batch side by side."""
