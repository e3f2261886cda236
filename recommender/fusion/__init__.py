"""recommender/fusion: TODO-DOC."""

from __future__ import annotations
