"""indexer/publish: TODO-DOC."""

from __future__ import annotations
