"""Rows of CSV and JSON files that somebody else wrote, each good or rejected with its place."""
