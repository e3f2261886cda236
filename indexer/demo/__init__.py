"""indexer/demo: TODO-DOC."""

from __future__ import annotations
