"""Reads CSV and JSON files that users provide: rows, typed fields, and rejected rows with their location."""
