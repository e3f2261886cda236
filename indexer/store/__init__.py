"""The embedding store: sealed shard files, one folder a space, and the ledger in SQL that is rebuilt from them."""

from __future__ import annotations
