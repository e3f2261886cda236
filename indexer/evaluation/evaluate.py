"""Measure one generation: composition of everything else in this folder, and nothing more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from indexer.evaluation.bench import Bench, Measured, Sound, measure_system
from indexer.evaluation.fitting import Learned
from indexer.evaluation.pairs import measure_pair, read_pairs
from indexer.evaluation.ranking import measure_names
from indexer.evaluation.retrieval import SplitRetrieval
from indexer.evaluation.run import (
    FORMAT,
    Asked,
    Comparison,
    EvaluationRun,
    Extraction,
    Pool,
    QueryResult,
    TruthUsed,
)
from indexer.evaluation.shown import measure_shown
from indexer.evaluation.statistics import RESAMPLES, SEED, compare, holm
from indexer.evaluation.systems import System, baseline_of, popularity_of, systems
from indexer.evaluation.truth import Truth, read_truth
from indexer.evaluation.views import (
    Looked,
    Selection,
    View,
    default_view,
    look,
    measure_view,
    mixes_of,
    select,
    side_by_side,
)
from recommender import layer_mix
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import Recommender
from recommender.types import Rows, Vectors

DEPTH = 1000
LABEL_FREE_QUERIES = 500
"""Artists whose recommendations are looked at for coverage and hubs; of more, a seeded sample."""
NAMED = 20
"""Artists without truth that are named."""
SOFTWARE = ("numpy", "scipy", "ir-measures", "scikit-learn")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What to measure by, beside the generation."""

    truth: Path | None = None
    pairs: Path | None = None
    extraction: Extraction | None = None
    k: int = 5
    learned: Learned | None = None
    """What :func:`indexer.evaluation.fitting.learn` made of the same truth."""


def evaluate(generation: Generation, inputs: Inputs, *, progress: Progress = lambda done, total: None) -> EvaluationRun:
    """Measure ``generation``; without truth, what needs no labels.

    Raises:
        BadInput: a file as a whole is of no use; single rows that are not are recorded in the run.
    """
    recommender = Recommender(generation)
    mix = layer_mix.by_default(generation.manifest.space)
    truth = read_truth(inputs.truth, recommender.directory) if inputs.truth else Truth(rows=0, lists={}, rejected=())
    wanted, refused = read_pairs(inputs.pairs, recommender.directory) if inputs.pairs else ([], [])
    looked = _looked(generation, truth)
    views, selection = _views(generation, looked, inputs.k)
    bench = _bench(generation, truth, inputs.k)
    measured = _measured(systems(recommender, mix, bench.popularity), bench, progress)
    return EvaluationRun(
        format=FORMAT,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        software={name: version(name) for name in SOFTWARE},
        asked=bench.asked,
        pool=_pool(generation),
        truth=_truth_used(generation, bench, measured[0], inputs.truth) if inputs.truth else None,
        views=views,
        selection=selection,
        shown=measure_shown(recommender.audio(mix), looked),
        systems=tuple(each.result for each in measured),
        comparisons=_comparisons(measured, bench.asked.baseline) if truth.lists else (),
        queries=_queries(generation, truth, measured),
        pairs=tuple(measure_pair(recommender, pair, mix) for pair in wanted),
        pairs_rejected=tuple(refused),
        extraction=inputs.extraction,
        learned=inputs.learned,
    )


def _bench(generation: Generation, truth: Truth, k: int) -> Bench:
    artists = len(generation.contents.artists.ids)
    drawn = np.random.default_rng(SEED).permutation(artists)[:LABEL_FREE_QUERIES]
    asked = Asked(
        k=k,
        depth=DEPTH,
        resamples=RESAMPLES,
        seed=SEED,
        baseline=baseline_of(generation),
        primary=measure_names(k)[0],
        default_view=default_view(generation),
    )
    return Bench(
        truth=truth,
        asked=asked,
        popularity=popularity_of(generation),
        has_scene=generation.contents.relations.scene_mentioned,
        sound=_sound(generation),
        label_free=np.sort(drawn),
    )


def _sound(generation: Generation) -> Sound:
    """Artist rows -> unit vectors in the default view, of those with audio; None of none."""
    vector_row, mix = generation.contents.artists.vector_row, layer_mix.by_default(generation.manifest.space)

    def heard(artists: Rows) -> Vectors:
        rows = vector_row[artists]
        if not (rows >= 0).any():
            return np.empty((0, 1), dtype=np.float32)
        return side_by_side(generation.artists, mix, rows[rows >= 0])

    return heard


def _looked(generation: Generation, truth: Truth) -> Looked:
    related = {
        query: frozenset(row for row, grade in truth.grades(query).items() if grade > 0) for query in truth.lists
    }
    return look(generation, related)


def _views(generation: Generation, looked: Looked, k: int) -> tuple[tuple[View, ...], Selection]:
    views: list[View] = []
    halves: dict[str, SplitRetrieval] = {}
    for name, mix in mixes_of(generation).items():
        view, halves[name] = measure_view(generation, looked, mix, name=name, k=k)
        views.append(view)
    return tuple(views), select(views, halves, generation.contents.artists.ids)


def _measured(compared: Sequence[System], bench: Bench, progress: Progress) -> list[Measured]:
    found: list[Measured] = []
    for system in compared:
        progress(len(found), len(compared))
        found.append(measure_system(system, bench))
    return found


def _comparisons(measured: Sequence[Measured], baseline: str) -> tuple[Comparison, ...]:
    values = {each.result.name: each.primary for each in measured}
    held = values.pop(baseline)
    found = {name: compare(primary, held) for name, primary in values.items()}
    corrected = holm({name: difference.p_value for name, difference in found.items()})
    return tuple(
        Comparison(system=name, difference=difference, corrected_p=corrected[name])
        for name, difference in found.items()
    )


def _queries(generation: Generation, truth: Truth, measured: Sequence[Measured]) -> tuple[QueryResult, ...]:
    artists, default = generation.contents.artists, baseline_of(generation)
    overlaps = next(each.overlaps for each in measured if each.result.name == default)
    return tuple(
        QueryResult(
            id=artists.ids[query],
            artist=artists.names[query],
            listed=len(items),
            in_pool=sum(item.row >= 0 for item in items),
            overlap=overlaps[query].overlap if overlaps[query].ceiling else float("nan"),
            ceiling=overlaps[query].ceiling,
            values={each.result.name: float(each.primary[place]) for each in measured},
        )
        for place, (query, items) in enumerate(truth.lists.items())
    )


def _pool(generation: Generation) -> Pool:
    manifest, relations = generation.manifest, generation.contents.relations
    return Pool(
        generation=generation.label,
        built_at=manifest.built_at,
        space=manifest.space.name,
        fingerprint=manifest.space.fingerprint,
        revision=manifest.space.revision,
        preprocessing=manifest.space.preprocessing,
        layers=len(manifest.space.layers),
        dim=manifest.space.dim,
        calibration={
            entry.layer: f"{entry.status}, {entry.method}, {entry.key[:16]}" for entry in manifest.calibrations
        },
        artists=manifest.counts.artists,
        tracks=manifest.counts.tracks,
        with_audio=manifest.counts.artists_indexed,
        with_scene=int(relations.scene_mentioned.sum()),
        with_genre=int((np.diff(relations.genre_weights.indptr) > 0).sum()),
        with_collaboration=int(relations.collaboration_known.sum()),
    )


def _truth_used(generation: Generation, bench: Bench, first: Measured, path: Path) -> TruthUsed:
    truth, names = bench.truth, generation.contents.artists.names
    silent = [row for row in range(len(names)) if row not in truth.lists]
    pairs = [(query, row) for query in truth.lists for row, grade in truth.grades(query).items() if grade > 0]
    scene = generation.contents.relations.scene_strengths
    return TruthUsed(
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        rows=truth.rows,
        queries=len(truth.lists),
        undefined=tuple(names[query] for query, overlap in first.overlaps.items() if overlap.ceiling == 0),
        without_truth=len(silent),
        without_truth_names=tuple(names[row] for row in silent[:NAMED]),
        pairs=len(pairs),
        in_scene=sum(bool(scene[query, row] > 0) for query, row in pairs),
        rejected=truth.rejected,
    )
