"""recommender/ranking: TODO-DOC."""

from __future__ import annotations
