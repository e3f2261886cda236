"""The answers of the service: reads requests, asks the recommender, and makes replies."""

from __future__ import annotations
