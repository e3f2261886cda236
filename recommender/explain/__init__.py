"""Explains a score: its breakdown by signal, the facts two artists share, and a sentence about them."""

from __future__ import annotations
