"""Selects what is scored: candidate artists, artists that pass a filter, and the nearest tracks."""

from __future__ import annotations
