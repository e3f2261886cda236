"""Why two artists are kin: what they share, read from the same matrices the signals score with."""

from __future__ import annotations

import numpy as np

from recommender.contents import Contents, Events
from recommender.generation import Generation
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal
from recommender.types import LayerMix
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


def nearest_tracks(generation: Generation, a: int, b: int, mix: LayerMix) -> tuple[int, int, float] | None:
    """(track of a, track of b, cosine) of the pair that sounds most alike; None when either has no embedded track.

    An artist with itself has no such pair either.
    """
    if a == b:
        return None
    tracks = generation.contents.tracks
    ours, theirs = (np.flatnonzero((tracks.artist == artist) & (tracks.vector_row >= 0)) for artist in (a, b))
    if not (ours.size and theirs.size):
        return None
    cosines = np.zeros((ours.size, theirs.size))
    for layer, share in mix.items():
        index = generation.tracks[layer]
        left, right = (index.vectors(tracks.vector_row[rows]) for rows in (ours, theirs))
        cosines += share * np.einsum("id,jd->ij", left, right)
    best = int(order(cosines.reshape(-1))[0])
    row, column = divmod(best, theirs.size)
    return int(ours[row]), int(theirs[column]), float(np.clip(cosines[row, column], -1.0, 1.0))
