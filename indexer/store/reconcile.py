"""The ledger in SQL made to say what the shards hold: it is a cache of them, and they are the truth."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from recommender.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What the shards of one space hold, and what the ledger had to be told."""

    space: str
    """``Space.key``"""
    held: int
    """Clips in the shards."""
    known: int
    """Of them, clips of the catalog whose file is still theirs."""
    replaced: int
    """Of them, clips of the catalog whose file holds something else by now; they count again when it comes back."""
    unknown: int
    """Of them, clips the catalog has never heard of, or no longer; kept, and used when a scan finds them."""
    marked: int
    """Clips the ledger did not know to be done."""
    forgotten: int
    """Clips the ledger took for done though no shard holds them; they are embedded again."""


def reconcile(catalog: Catalog, space: str, held: Set[str]) -> Reconciled:
    """Make the ledger say of ``space`` (a ``Space.key``) what its shards hold: ``held``, clip ids.

    A run that died between sealing and the ledger left sealed clips unmarked; a shard that was moved away left marks
    without embeddings; a lost database left nothing. None of that costs another extraction of anything that is sealed.
    What failed, and why, is in no shard: after the loss of a database it is found out again.
    """
    with catalog.transaction():
        marked = {clip.clip_id for clip in catalog.read_embedded_clips(space)}
        unmarked = {clip.clip_id for clip in catalog.pending_clips(space, retry_failed=True)}
        lost, found = marked - held, unmarked & held
        catalog.forget_extractions(space, sorted(lost))
        catalog.mark_done(space, sorted(found))
        others = held - marked - unmarked
        replaced = len(catalog.read_clips(sorted(others)))
    return Reconciled(
        space=space,
        held=len(held),
        known=len(held) - len(others),
        replaced=replaced,
        unknown=len(others) - replaced,
        marked=len(found),
        forgotten=len(lost),
    )
