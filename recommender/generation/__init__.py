"""The published, immutable generation: the layout of its files, and reading it back checked, for server and indexer."""

from __future__ import annotations
