"""Embeds the clips of a catalog: decoding, encoding in batches, durable storage, progress and cost."""

from __future__ import annotations
