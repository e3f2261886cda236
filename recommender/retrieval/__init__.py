"""recommender/retrieval: TODO-DOC."""

from __future__ import annotations
