"""Corrects the ledger in SQL from the shards: the shards are the truth, the ledger is a cache of them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from recommender.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How many clips the shards of one space have, and what had to be corrected in the ledger."""

    space: str
    """``Space.key``"""
    held: int
    """Clips in the shards."""
    known: int
    """Of them, clips of the catalog whose file still has the same content."""
    replaced: int
    """Of them, clips of the catalog whose file has other content now; used again when the old content returns."""
    unknown: int
    """Of them, clips that are not in the catalog (any more); kept, and used when a scan finds their file."""
    marked: int
    """Clips that were not marked as done in the ledger, and are now."""
    forgotten: int
    """Clips that were marked as done although no shard has them; they will be embedded again."""


def reconcile(catalog: Catalog, space: str, sealed: Set[str]) -> Reconciled:
    """Correct the ledger of ``space`` (a ``Space.key``): exactly ``sealed``, the clip ids in its shards, are done.

    Three things make them differ: a run was killed after it sealed a shard and before it wrote the ledger; a shard was
    moved away; the database was lost. In each case nothing that is sealed is embedded a second time. Failures are in no
    shard: after the loss of the database they are tried, and fail, again.
    """
    with catalog.transaction():
        marked = {clip.clip_id for clip in catalog.read_embedded_clips(space)}
        unmarked = {clip.clip_id for clip in catalog.pending_clips(space, retry_failed=True)}
        lost, unnoticed = marked - sealed, unmarked & sealed
        catalog.forget_extractions(space, sorted(lost))
        catalog.mark_done(space, sorted(unnoticed))
        others = sealed - marked - unmarked
        replaced = len(catalog.read_clips(sorted(others)))
    return Reconciled(
        space=space,
        held=len(sealed),
        known=len(sealed) - len(others),
        replaced=replaced,
        unknown=len(others) - replaced,
        marked=len(unnoticed),
        forgotten=len(lost),
    )
