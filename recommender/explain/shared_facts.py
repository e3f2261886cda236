"""The facts two artists share, read from the same matrices that the signals score with, and their nearest tracks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np

from recommender.calibration.cohort import Bundle, CohortStats, Status, cohort_stats, project_tracks
from recommender.calibration.scores import cosines, percentile, score_cosines
from recommender.errors import InvalidArgument
from recommender.generation.contents import Contents, Events
from recommender.generation.open_generation import Generation
from recommender.signals.genre import GenreSignal
from recommender.signals.scene import SceneSignal
from recommender.types import Aspect, LayerMix, Rows, Vectors
from recommender.vectors import order

Pair = Callable[[str], Vectors]
"""Layer -> ``[2, dim]``, unit vectors of two tracks."""


def standout_aspect(generation: Generation, a: int, b: int) -> str:
    """Name of the aspect of the space in which the tracks at rows ``a`` and ``b`` are nearest (:func:`aspect_of`)."""
    tracks, ids = generation.contents.tracks, generation.contents.artists.ids
    owners = {ids[int(owner)] for owner in tracks.artist[[a, b]]}
    return aspect_of(generation, lambda layer: generation.tracks[layer].vectors(tracks.vector_row[[a, b]]), owners)


def aspect_of(generation: Generation, pair: Pair, owners: Collection[str]) -> str:
    """Name of the aspect of the space in which ``pair`` is nearest; empty without aspects.

    Cosines of two layers cannot be compared. So where every layer of every aspect is calibrated, each track is measured
    as an artist of one track is, the artists with the ids ``owners`` left out of the cohort, for the tracks are theirs;
    the highest percentile wins. Else the highest cosine does. Ties go to the aspect that the space names first.
    """
    aspects = generation.manifest.space.aspects
    layers = sorted({layer for aspect in aspects for layer in aspect.layers})
    near = _percentiles(generation, layers, pair, owners) if _calibrated(generation, layers) else None
    return _highest(aspects, near or {layer: _cosine(pair(layer)) for layer in layers})


def _highest(aspects: Iterable[Aspect], near: dict[str, float]) -> str:
    found = {each.name: sum(near[layer] * share for layer, share in each.layers.items()) for each in aspects}
    return max(found, key=lambda name: found[name], default="")


def _calibrated(generation: Generation, layers: Iterable[str]) -> bool:
    calibrated = generation.calibration.layers
    return all(layer in calibrated and calibrated[layer].bundle.status is not Status.UNCALIBRATED for layer in layers)


def _percentiles(
    generation: Generation, layers: Iterable[str], pair: Pair, owners: Collection[str]
) -> dict[str, float] | None:
    """Layer -> percentile of the pair; None when it cannot be measured in one of them."""
    calibrated = generation.calibration.layers
    try:
        return {layer: _percentile(calibrated[layer].bundle, pair(layer), owners) for layer in layers}
    except InvalidArgument:
        return None


def _percentile(bundle: Bundle, pair: Vectors, without: Collection[str]) -> float:
    vectors = project_tracks(bundle, pair).astype(np.float32)
    (mean, sd), (mean_b, sd_b) = (cohort_stats(bundle, vector, without=without) for vector in vectors)
    alike = cosines(vectors[:1], vectors[1])
    score = score_cosines(bundle.method, alike, CohortStats(mean=mean, sd=sd), CohortStats(mean=mean_b, sd=sd_b))
    return float(percentile(bundle, score)[0])


def _cosine(pair: Vectors) -> float:
    return float(cosines(pair[:1], pair[1])[0])


MAX_FACTS = 10
"""Shared facts of one kind that are given."""
MAX_PATHS = 3
"""Paths over the scene that are given."""
MAX_STEPS = 100
"""Listings of one artist that paths follow: bounds the work for an artist that thousands list."""


def shared_genres(signal: GenreSignal, contents: Contents, a: int, b: int) -> tuple[tuple[str, float], ...]:
    """(genre, the smaller of the two weights), largest first, ties by name."""
    ours = dict(zip(*(part.tolist() for part in signal.genres(a)), strict=True))
    theirs = dict(zip(*(part.tolist() for part in signal.genres(b)), strict=True))
    shared = [(contents.relations.genres[column], min(ours[column], theirs[column])) for column in ours.keys() & theirs]
    return tuple(sorted(shared, key=lambda item: (-item[1], item[0]))[:MAX_FACTS])


def shared_neighbours(signal: SceneSignal, contents: Contents, a: int, b: int) -> tuple[tuple[str, float], ...]:
    """(artist id, the smaller of its two strengths), largest first, ties by id; never ``a`` or ``b`` themselves."""
    ours = dict(zip(*(part.tolist() for part in signal.neighbours(a)), strict=True))
    theirs = dict(zip(*(part.tolist() for part in signal.neighbours(b)), strict=True))
    common = (ours.keys() & theirs) - {a, b}
    shared = [(contents.artists.ids[row], min(ours[row], theirs[row])) for row in common]
    return tuple(sorted(shared, key=lambda item: (-item[1], item[0]))[:MAX_FACTS])


def scene_paths(signal: SceneSignal, contents: Contents, a: int, b: int) -> tuple[tuple[tuple[str, ...], float], ...]:
    """(ids of the one or two artists between, strength), the strongest :data:`MAX_PATHS` first, ties by id.

    The strength of a path is the probability that a walk over the listings takes it, as the geometric mean of the two
    directions, so that it is the same whoever asks. Each artist's strongest :data:`MAX_STEPS` listings are followed.
    """
    ours, theirs = _steps(signal, a, without=b), _steps(signal, b, without=a)
    total_a, total_b = _total(signal, a), _total(signal, b)
    if not (ours and theirs):
        return ()
    scale = 1.0 / float(np.sqrt(total_a * total_b))
    ids = contents.artists.ids
    totals = {row: _total(signal, row) for row in ours.keys() | theirs.keys()}
    paths: list[tuple[tuple[str, ...], float]]
    paths = [((ids[row],), scale * ours[row] * theirs[row] / totals[row]) for row in ours.keys() & theirs.keys()]
    for row, strength in ours.items():
        links = _steps(signal, row, without=a)
        paths += [
            ((ids[row], ids[other]), scale * strength * links[other] * theirs[other] / (totals[row] * totals[other]))
            for other in links.keys() & theirs.keys()
        ]
    return tuple(sorted(paths, key=lambda path: (-path[1], path[0]))[:MAX_PATHS])


def _steps(signal: SceneSignal, row: int, *, without: int) -> dict[int, float]:
    """Row -> strength of the strongest listings of the artist at ``row``, ties by row."""
    rows, strengths = signal.neighbours(row)
    strongest = np.lexsort((rows, -strengths))[:MAX_STEPS]
    found = zip(rows[strongest].tolist(), strengths[strongest].tolist(), strict=True)
    return {other: strength for other, strength in found if other != without}


def _total(signal: SceneSignal, row: int) -> float:
    return float(signal.neighbours(row)[1].sum())


def listed_together(signal: SceneSignal, a: int, b: int) -> float:
    """Strength of the scene's listing of the two, in [0, 1]; 0 when it does not list them together."""
    rows, strengths = signal.neighbours(a)
    return float(strengths[rows == b].sum())


def shared_recordings(events: Events, a: int, b: int) -> tuple[tuple[str, str], ...]:
    """(kind, title) of what the two made together, in the order of the source."""
    first, second = min(a, b), max(a, b)
    start, stop = np.searchsorted(events.artist_a, [first, first + 1])
    rows = start + np.flatnonzero(events.artist_b[start:stop] == second)
    return tuple((events.kinds[int(row)], events.titles[int(row)]) for row in rows[:MAX_FACTS])


def nearest_tracks(generation: Generation, ours: Rows, theirs: Rows, mix: LayerMix) -> tuple[int, int, float] | None:
    """(one of ours, one of theirs, cosine) of the pair that sounds most alike; None when either are none.

    Args:
        generation: holds the tracks.
        ours: rows of embedded tracks, rising.
        theirs: the same of another artist.
        mix: layer -> share, shares sum to 1.
    """
    if not (ours.size and theirs.size):
        return None
    rows = generation.contents.tracks.vector_row[ours]
    vectors = {layer: generation.tracks[layer].vectors(rows) for layer in mix}
    index, track, cosine = nearest_of(generation, vectors, theirs, mix)
    return int(ours[index]), track, cosine


def nearest_of(
    generation: Generation, ours: Mapping[str, Vectors], theirs: Rows, mix: LayerMix
) -> tuple[int, int, float]:
    """(position in ``ours``, one of ``theirs``, cosine) of the pair that sounds most alike under ``mix``.

    Args:
        generation: holds the tracks.
        ours: layer -> ``[track, dim]``, unit vectors, of at least one track.
        theirs: rows of embedded tracks, rising, at least one.
        mix: layer -> share, shares sum to 1.
    """
    rows = generation.contents.tracks.vector_row[theirs]
    cosines = np.zeros((len(next(iter(ours.values()))), theirs.size))
    for layer, share in mix.items():
        cosines += share * np.einsum("id,jd->ij", ours[layer], generation.tracks[layer].vectors(rows))
    row, column = divmod(int(order(cosines.reshape(-1))[0]), theirs.size)
    return row, int(theirs[column]), float(np.clip(cosines[row, column], -1.0, 1.0))
