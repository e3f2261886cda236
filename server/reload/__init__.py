"""Loads the published generation into the server, and replaces it when a newer one is published."""
