"""Fits what makes signals comparable in one catalog: calibration bundles, measured artists, percentiles."""
