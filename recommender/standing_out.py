"""In which aspect two tracks are near: the one in which they stand out most from what is usual."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import numpy as np

from recommender.calibration import Bundle, Standing, Status, cohort_stats, move
from recommender.comparing import cosines, percentile, score_cosines
from recommender.errors import InvalidArgument
from recommender.generation import Generation
from recommender.types import Aspect, Vectors

Pair = Callable[[str], Vectors]
"""Layer -> ``[2, dim]``, unit vectors of two tracks."""


def standing_out(generation: Generation, a: int, b: int) -> str:
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
    held = generation.calibration.layers
    return all(layer in held and held[layer].bundle.status is not Status.UNCALIBRATED for layer in layers)


def _percentiles(
    generation: Generation, layers: Iterable[str], pair: Pair, owners: Collection[str]
) -> dict[str, float] | None:
    """Layer -> percentile of the pair; None when it cannot be measured in one of them."""
    held = generation.calibration.layers
    try:
        return {layer: _percentile(held[layer].bundle, pair(layer), owners) for layer in layers}
    except InvalidArgument:
        return None


def _percentile(bundle: Bundle, pair: Vectors, without: Collection[str]) -> float:
    vectors = move(bundle, pair).astype(np.float32)
    (mean, sd), (mean_b, sd_b) = (cohort_stats(bundle, vector, without=without) for vector in vectors)
    alike = cosines(vectors[:1], vectors[1])
    score = score_cosines(bundle.method, alike, Standing(mean=mean, sd=sd), Standing(mean=mean_b, sd=sd_b))
    return float(percentile(bundle, score)[0])


def _cosine(pair: Vectors) -> float:
    return float(cosines(pair[:1], pair[1])[0])
