"""Finds the artists and tracks that are meant: by id or name, and by likeness where no name is equal."""

from __future__ import annotations

from recommender.lookup.directory import Directory

__all__ = ["Directory"]
