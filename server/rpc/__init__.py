"""server/rpc: TODO-DOC."""

from __future__ import annotations
