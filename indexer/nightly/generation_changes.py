"""Compares two generations for the nightly report: artists that were added, were removed, or sound different."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.generation.open_generation import Generation
from recommender.types import Rows

MOVED_BELOW = 0.99
"""An artist has moved when the cosine of its new vector to its old one, in the default mix, is below this."""

LISTED = 1000
"""Most artists named in each list; all are counted."""

_BLOCK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedArtist:
    """An artist of a list."""

    id: str
    name: str
    cosine: float | None = None
    """Cosine of its vector to the old one, for an artist that moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The differences of a generation from the one before it."""

    before: int
    """Version of the one before it."""
    added: int
    removed: int
    moved: int | None
    """None when their spaces differ, so that vectors cannot be compared."""
    artists_added: tuple[NamedArtist, ...]
    """By id, at most :data:`LISTED`; the same for the other lists."""
    artists_removed: tuple[NamedArtist, ...]
    artists_moved: tuple[NamedArtist, ...]
    """Lowest cosine first."""


def changes_between(before: Generation, after: Generation) -> Changes:
    """Compare the artists of two generations by id; those with audio in both also by their vectors."""
    old, new = _rows(before), _rows(after)
    added = _named(after, new, sorted(new.keys() - old.keys()))
    gone = _named(before, old, sorted(old.keys() - new.keys()))
    moved = _moved(before, after, sorted(old.keys() & new.keys()))
    return Changes(
        before=before.manifest.version,
        added=len(added),
        removed=len(gone),
        moved=None if moved is None else len(moved),
        artists_added=tuple(added[:LISTED]),
        artists_removed=tuple(gone[:LISTED]),
        artists_moved=tuple((moved or [])[:LISTED]),
    )


def _named(generation: Generation, rows: dict[str, int], ids: Sequence[str]) -> list[NamedArtist]:
    names = generation.contents.artists.names
    return [NamedArtist(id=key, name=names[rows[key]]) for key in ids]


def _rows(generation: Generation) -> dict[str, int]:
    return {key: row for row, key in enumerate(generation.contents.artists.ids)}


def _moved(before: Generation, after: Generation, both: Sequence[str]) -> list[NamedArtist] | None:
    if before.manifest.space.fingerprint != after.manifest.space.fingerprint:
        return None
    old, new = _rows(before), _rows(after)
    pairs = np.array([(old[key], new[key]) for key in both], dtype=np.int64).reshape(-1, 2)
    old_rows = before.contents.artists.vector_row[pairs[:, 0]]
    new_rows = after.contents.artists.vector_row[pairs[:, 1]]
    embedded = np.flatnonzero((old_rows >= 0) & (new_rows >= 0))
    cosines = _cosines(before, after, old_rows[embedded], new_rows[embedded])
    by_cosine = sorted((cosine, both[at]) for cosine, at in zip(cosines.tolist(), embedded.tolist(), strict=True))
    names = after.contents.artists.names
    return [
        NamedArtist(id=key, name=names[new[key]], cosine=round(cosine, 6))
        for cosine, key in by_cosine
        if cosine < MOVED_BELOW
    ]


def _cosines(before: Generation, after: Generation, old_rows: Rows, new_rows: Rows) -> npt.NDArray[np.float64]:
    """``[artist]`` cosines of new to old artist vectors: the mean over the layers of the default mix, by weight."""
    mix = after.manifest.space.default_mix
    cosines = np.zeros(len(old_rows))
    for layer, weight in mix.items() if len(old_rows) else ():
        for at in range(0, len(old_rows), _BLOCK):
            part = slice(at, at + _BLOCK)
            old = before.artists[layer].vectors(old_rows[part]).astype(np.float64)
            new = after.artists[layer].vectors(new_rows[part]).astype(np.float64)
            cosines[part] += weight * np.einsum("ij,ij->i", old, new)
    return cosines / sum(mix.values())
