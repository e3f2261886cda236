"""server/reload: TODO-DOC."""

from __future__ import annotations
