"""Runs the whole path on one page, for a first try: synthesised or own music in, similar artists out."""

from __future__ import annotations
