"""Builds a generation: catalog rows, means, indexes, calibration, candidates, golden answers and the manifest."""
