"""indexer/encoders/descriptors: TODO-DOC."""

from __future__ import annotations
