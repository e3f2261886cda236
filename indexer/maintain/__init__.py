"""Maintenance of a home: verify every checksum, repair the embedding store, remove old generations."""

from __future__ import annotations
