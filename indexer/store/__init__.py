"""indexer/store: TODO-DOC."""

from __future__ import annotations
