"""Measure one generation: composition of everything else in this folder, and nothing more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evaluation.layer_views import (
    LayerViews,
    Selection,
    View,
    default_view,
    look,
    measure_view,
    mixes_of,
    select,
    side_by_side,
)
from evaluation.learned_profile import LearnedProfile
from evaluation.measures.distribution import pairs_of
from evaluation.measures.hubness import exposure
from evaluation.measures.rank_metrics import Overlap, measure, measure_names, overlap_at, summarise
from evaluation.measures.split_half_retrieval import SplitRetrieval
from evaluation.measures.statistics import RESAMPLES, SEED, compare, estimate, holm
from evaluation.pair_similarity import measure_shown
from evaluation.pairs import measure_pair, read_pairs
from evaluation.results import (
    FORMAT,
    Asked,
    Comparison,
    EvaluationRun,
    Extraction,
    Pool,
    QueryResult,
    SystemResult,
    TruthUsed,
)
from evaluation.systems import System, baseline_of, lists_of, popularity_of, systems
from evaluation.truth import Truth, read_truth
from recommender import layer_mix
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import Recommender
from recommender.types import Rows, Similarities, Vectors

Slices = Mapping[str, npt.NDArray[np.bool_]]
"""Name -> ``[query]`` whether a query of the truth is in it."""


Sound = Callable[[Rows], Vectors]
"""Artist rows -> unit vectors ``[heard, dim]`` of those that have audio, in the default view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every system is measured with."""

    truth: Truth
    asked: Asked
    popularity: Similarities
    """``[artist]``."""
    has_scene: npt.NDArray[np.bool_]
    """``[artist]``."""
    sound: Sound
    label_free: Rows
    """Artists whose recommendations are looked at without labels."""

    @property
    def pool(self) -> int:
        """Artists that could be an answer to one query."""
        return len(self.popularity) - 1

    @property
    def slices(self) -> Slices:
        """Queries that are hard for what listens to the crowd: little known artists, and those without scene data."""
        queries = np.array(list(self.truth.lists), dtype=np.int64)
        edge = np.quantile(self.popularity, 1 / 3) if self.popularity.size else 0.0
        niche = self.popularity[queries] <= edge
        return {"niche": niche, "not niche": ~niche, "no scene data": ~self.has_scene[queries]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One system's result, and what it did query by query, in the order of the truth's lists."""

    result: SystemResult
    primary: Similarities
    """``[query]`` primary measure; NaN where nothing could be found."""
    overlaps: Mapping[int, Overlap]
    """Query row -> overlap."""


def measure_system(system: System, bench: Bench) -> Measured:
    """Measure ``system`` on everything the bench holds."""
    asked, truth = bench.asked, bench.truth
    rankings = {query: system.rank(query, asked.depth) for query in truth.lists}
    overlaps = {
        query: overlap_at(ranked, truth.reference(query, asked.k), k=asked.k, pool=bench.pool)
        for query, ranked in rankings.items()
    }
    values = measure({query: truth.grades(query) for query in truth.lists}, rankings, k=asked.k)
    primary = values[asked.primary]
    shown = lists_of(system, bench.label_free.tolist(), k=asked.k)
    result = SystemResult(
        name=system.name,
        kind=system.kind,
        overlap=summarise(overlaps, k=asked.k),
        measures={name: estimate(found) for name, found in values.items()},
        slices={name: estimate(primary[chosen]) for name, chosen in bench.slices.items()},
        exposure=exposure(shown, bench.popularity, k=asked.k),
        diversity=list_diversity(shown, bench.sound),
        without_scene=_share_without_scene(shown, bench.has_scene),
    )
    return Measured(result=result, primary=primary, overlaps=overlaps)


def list_diversity(lists: Rows, sound: Sound) -> float:
    """1 less the mean cosine of two artists of one list ``[query, k]``, over the lists that have two with audio."""
    heard = [sound(each[each >= 0]).astype(np.float64) for each in lists]
    means = [float(pairs_of(vectors @ vectors.T).mean()) for vectors in heard if len(vectors) > 1]
    return 1.0 - float(np.mean(means)) if means else float("nan")


def _share_without_scene(shown: Rows, has_scene: npt.NDArray[np.bool_]) -> float:
    given = shown[shown >= 0]
    return float((~has_scene[given]).mean()) if given.size else float("nan")


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
    learned: LearnedProfile | None = None
    """What :func:`evaluation.learned_profile.learn` made of the same truth."""


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


def _looked(generation: Generation, truth: Truth) -> LayerViews:
    related = {
        query: frozenset(row for row, grade in truth.grades(query).items() if grade > 0) for query in truth.lists
    }
    return look(generation, related)


def _views(generation: Generation, looked: LayerViews, k: int) -> tuple[tuple[View, ...], Selection]:
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
