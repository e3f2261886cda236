"""indexer/files: TODO-DOC."""

from __future__ import annotations
