"""Why two artists are kin: what they share, read from the same matrices the signals score with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recommender.contents import Contents, Events
from recommender.generation import Generation
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal
from recommender.types import LayerMix, Rows, Vectors
from recommender.vectors import order

MOST = 10
"""How many shared things of a kind are named."""


def shared_genres(signal: GenreSignal, contents: Contents, a: int, b: int) -> tuple[tuple[str, float], ...]:
    """(genre, the smaller of the two weights), largest first, ties by name."""
    ours = dict(zip(*(part.tolist() for part in signal.genres(a)), strict=True))
    theirs = dict(zip(*(part.tolist() for part in signal.genres(b)), strict=True))
    shared = [(contents.relations.genres[column], min(ours[column], theirs[column])) for column in ours.keys() & theirs]
    return tuple(sorted(shared, key=lambda item: (-item[1], item[0]))[:MOST])


def shared_neighbours(signal: SceneSignal, contents: Contents, a: int, b: int) -> tuple[tuple[str, float], ...]:
    """(artist id, the smaller of its two strengths), largest first, ties by id; never ``a`` or ``b`` themselves."""
    ours = dict(zip(*(part.tolist() for part in signal.neighbours(a)), strict=True))
    theirs = dict(zip(*(part.tolist() for part in signal.neighbours(b)), strict=True))
    common = (ours.keys() & theirs) - {a, b}
    shared = [(contents.artists.ids[row], min(ours[row], theirs[row])) for row in common]
    return tuple(sorted(shared, key=lambda item: (-item[1], item[0]))[:MOST])


def listed_together(signal: SceneSignal, a: int, b: int) -> float:
    """Strength of the scene's listing of the two, in [0, 1]; 0 when it does not list them together."""
    rows, strengths = signal.neighbours(a)
    return float(strengths[rows == b].sum())


def shared_recordings(events: Events, a: int, b: int) -> tuple[tuple[str, str], ...]:
    """(kind, title) of what the two made together, in the order of the source."""
    first, second = min(a, b), max(a, b)
    start, stop = np.searchsorted(events.artist_a, [first, first + 1])
    rows = start + np.flatnonzero(events.artist_b[start:stop] == second)
    return tuple((events.kinds[int(row)], events.titles[int(row)]) for row in rows[:MOST])


def nearest_tracks(generation: Generation, ours: Rows, theirs: Rows, mix: LayerMix) -> tuple[int, int, float] | None:
    """(one of ours, one of theirs, cosine) of the pair that sounds most alike; None when either are none.

    Args:
        generation: holds the tracks.
        ours: rows of embedded tracks, rising.
        theirs: the same of another artist.
        mix: by what to listen.
    """
    if not (ours.size and theirs.size):
        return None
    rows = generation.contents.tracks.vector_row[ours]
    vectors = {layer: generation.tracks[layer].vectors(rows) for layer in mix}
    place, track, cosine = nearest_of(generation, vectors, theirs, mix)
    return int(ours[place]), track, cosine


def nearest_of(
    generation: Generation, ours: Mapping[str, Vectors], theirs: Rows, mix: LayerMix
) -> tuple[int, int, float]:
    """(place in ``ours``, one of ``theirs``, cosine) of the pair that sounds most alike under ``mix``.

    Args:
        generation: holds the tracks.
        ours: layer -> ``[track, dim]``, unit vectors, of at least one track.
        theirs: rows of embedded tracks, rising, at least one.
        mix: by what to listen; shares sum to 1.
    """
    rows = generation.contents.tracks.vector_row[theirs]
    cosines = np.zeros((len(next(iter(ours.values()))), theirs.size))
    for layer, share in mix.items():
        cosines += share * np.einsum("id,jd->ij", ours[layer], generation.tracks[layer].vectors(rows))
    place, column = divmod(int(order(cosines.reshape(-1))[0]), theirs.size)
    return place, int(theirs[column]), float(np.clip(cosines[place, column], -1.0, 1.0))
