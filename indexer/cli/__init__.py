"""indexer/cli: TODO-DOC."""

from __future__ import annotations
