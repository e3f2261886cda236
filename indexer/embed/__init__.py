"""indexer/embed: TODO-DOC."""

from __future__ import annotations
