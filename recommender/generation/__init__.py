"""recommender/generation: TODO-DOC."""

from __future__ import annotations
