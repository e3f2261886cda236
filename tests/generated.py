"""Calibrated generations in which many signals are missing, one for each seed: for properties of every catalog."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.special import logit

from recommender.fusion.boosted_trees import FEATURES, LearnedRanking, Trees
from recommender.fusion.learned_weights import FittedWeights
from recommender.fusion.profiles import BASE
from recommender.generation.open_generation import Generation
from tests.calibrated import ARTISTS, LAYERS, SILENT, calibrate, make_catalog
from tests.factories import MadeArtist, MadeCatalog, make_generation

EVERYONE = ARTISTS + SILENT
SEEDS = range(8)
WITHOUT_AUDIO = 8
"""Number of artists that lose their audio; enough keep it for a calibration."""

FITTED = FittedWeights(
    intercept=-1.5,
    slopes=(1.2, 0.7, 0.0, 0.4),
    missing=(0.4, 0.3, 0.0, 0.2),
    pairs_with_opinion=(1, 1, 1, 1),
    refused=(),
    folds=(),
    queries=2,
    pairs=4,
)
"""Learned weights with a signal of weight 0, and silence that is worth something."""

SLOPE = 0.3
"""Of the margins of made trees."""


@cache
def generated(seed: int) -> Generation:
    """Every signal is missing for some artists, all for the last; with the profiles seed, evidence, fitted, learned."""
    generation = calibrate(make_generation(_thinned(make_catalog(seed), np.random.default_rng(1000 + seed))))
    kept = replace(generation.calibration, fitted=FITTED.profile, learned=made_ranking(seed))
    return replace(generation, calibration=kept)


def made_ranking(seed: int) -> LearnedRanking:
    """Random trees of three leaves over all measures, which no rising measure lowers, whatever is missing."""
    random = np.random.default_rng(2000 + seed)
    trees = 12 * len(FEATURES)
    first, second = (random.permutation(np.arange(trees) % len(FEATURES)) for _ in range(2))
    feature, left, right = (
        np.tile(one, trees).astype(np.int32) for one in ([0, -1, 0, -1, -1], [1, 0, 3, 0, 0], [2, 0, 4, 0, 0])
    )
    start = np.arange(0, 5 * trees, 5)
    feature[start], feature[start + 2] = first, second
    for child in (left, right):
        child[start] += start.astype(np.int32)
        child[start + 2] += start.astype(np.int32)
    threshold = np.sort(random.exponential(0.1, size=(trees, 5)))
    threshold[:, [0, 2]] = random.choice([0.05, 0.2, 1.0, 3.0], size=(trees, 2)) * random.exponential(size=(trees, 2))
    made = Trees(
        roots=start.astype(np.int32),
        feature=feature,
        threshold=threshold.reshape(-1),
        left=left,
        right=right,
        nan_left=random.integers(0, 2, size=5 * trees).astype(np.int8),
    )
    unknown = float(made.margins(np.full((len(FEATURES), 1), np.nan))[0])
    return LearnedRanking(
        trees=made,
        signals=tuple(each.signal for each in FEATURES),
        intercept=float(logit(BASE)) - SLOPE * unknown,
        slope=SLOPE,
    )


def _thinned(made: MadeCatalog, random: np.random.Generator) -> MadeCatalog:
    without_audio = set(random.permutation(ARTISTS)[:WITHOUT_AUDIO].tolist())
    kept = {pair: strength for pair, strength in made.scene.items() if random.random() < 0.6}
    return replace(
        made,
        artists=tuple(_poorer(artist, row, row in without_audio, random) for row, artist in enumerate(made.artists)),
        scene=kept,
        scene_listed=tuple(one for one in made.scene_listed if random.random() < 0.5),
        collaborations=tuple(one for one in made.collaborations if random.random() < 0.6),
    )


def _poorer(artist: MadeArtist, row: int, without_audio: bool, random: np.random.Generator) -> MadeArtist:
    """The artist with some genres and tracks removed; the last artist of the catalog has no data at all."""
    genreless = row == EVERYONE - 1 or random.random() < 0.4
    tracks = () if without_audio else artist.tracks[: random.integers(2, 4)]
    return replace(artist, genres={} if genreless else artist.genres, tracks=tracks)


def mixes() -> list[dict[str, float]]:
    """One layer, and both unevenly."""
    low, high = LAYERS
    return [{low: 1.0}, {low: 0.75, high: 0.25}]
