"""Measure one published generation: every layer, every ranking system, chosen pairs and shown similarities.

The commands ``evaluate`` and ``report`` use it. Rankings are compared with a truth file where one is given; all else
needs no labels.
"""

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
    ArtistSample,
    Selection,
    View,
    default_view,
    measure_view,
    mixes_of,
    sample_artists,
    select,
    side_by_side,
)
from evaluation.learned_profile import LearnedProfile
from evaluation.measures.distribution import pairs_of
from evaluation.measures.hubness import exposure
from evaluation.measures.rank_metrics import Overlap, measure, measure_names, overlap_at, summarise
from evaluation.measures.split_half_retrieval import SplitRetrieval
from evaluation.measures.statistics import RESAMPLES, SEED, compare, estimate, holm
from evaluation.pairs import measure_pair, measure_shown, read_pairs
from evaluation.results import (
    FORMAT,
    Comparison,
    EvaluationRun,
    EvaluationSettings,
    Extraction,
    Pool,
    QueryResult,
    SystemResult,
    TruthSummary,
)
from evaluation.systems import System, baseline_of, lists_of, popularity_of, systems, without_data
from evaluation.truth import Truth, read_truth
from recommender import layer_mix
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import Recommender
from recommender.types import Rows, Similarities, Vectors

DEPTH = 1000
"""Places of a ranking that are read, for measures without an ``@``."""
LABEL_FREE_QUERIES = 500
"""Artists whose recommendations are read for coverage and hubs; of more, a seeded sample."""
NAMED = 20
"""Artists without truth that the run names."""
SOFTWARE = ("numpy", "scipy", "ir-measures", "scikit-learn")

Progress = Callable[[int, int], None]
"""Called with the number of systems measured so far and the number of all."""

Slices = Mapping[str, npt.NDArray[np.bool_]]
"""Name -> ``[query]`` whether a query of the truth is in it."""

VectorsOf = Callable[[Rows], Vectors]
"""Artist rows -> unit vectors ``[embedded, dim]`` of those that have audio, in the default view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The files and choices of one run, beside the generation."""

    truth: Path | None = None
    pairs: Path | None = None
    extraction: Extraction | None = None
    k: int = 5
    learned: LearnedProfile | None = None
    """Result of :func:`evaluation.learned_profile.learn` on the same truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSetup:
    """What every system is measured with: the same queries, lists and sample for all."""

    truth: Truth
    asked: EvaluationSettings
    popularity: Similarities
    """``[artist]``."""
    has_scene: npt.NDArray[np.bool_]
    """``[artist]``."""
    vectors_of: VectorsOf
    label_free: Rows
    """Artists whose recommendations are read without labels."""
    listed: Callable[[int], Rows]
    """Artist row -> rows that the scene data list with it."""

    @property
    def pool(self) -> int:
        """Artists that could be an answer to one query."""
        return len(self.popularity) - 1

    @property
    def slices(self) -> Slices:
        """Slice of the queries -> ``[query]``: the least popular third, the others, and artists without scene data."""
        queries = np.array(list(self.truth.lists), dtype=np.int64)
        edge = np.quantile(self.popularity, 1 / 3) if self.popularity.size else 0.0
        niche = self.popularity[queries] <= edge
        return {"niche": niche, "not niche": ~niche, "no scene data": ~self.has_scene[queries]}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSystem:
    """One system's result, and its values query by query, in the order of the truth's lists."""

    result: SystemResult
    primary: Similarities
    """``[query]`` primary measure; NaN where the pool holds no relevant artist."""
    overlaps: Mapping[int, Overlap]
    """Query row -> overlap."""


def evaluate(generation: Generation, inputs: Inputs, *, progress: Progress = lambda done, total: None) -> EvaluationRun:
    """Measure ``generation``. Without a truth file, only what needs no labels is measured.

    Raises:
        BadInput: a file as a whole cannot be used; single rows that cannot be used are recorded in the run.
    """
    recommender = Recommender(generation)
    mix = layer_mix.by_default(generation.manifest.space)
    truth = read_truth(inputs.truth, recommender.directory) if inputs.truth else Truth(rows=0, lists={}, rejected=())
    wanted, refused = read_pairs(inputs.pairs, recommender.directory) if inputs.pairs else ([], [])
    sample = _sample(generation, truth)
    views, selection = _views(generation, sample, inputs.k)
    setup = _setup(generation, truth, inputs.k)
    measured = _measure_systems(systems(recommender, mix, setup.popularity), setup, progress)
    return EvaluationRun(
        format=FORMAT,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        software={name: version(name) for name in SOFTWARE},
        asked=setup.asked,
        pool=_pool(generation),
        truth=_truth_used(generation, setup, measured, inputs.truth) if inputs.truth else None,
        views=views,
        selection=selection,
        shown=measure_shown(recommender.audio(mix), sample),
        systems=tuple(each.result for each in measured),
        no_data=tuple(signal.value for signal in without_data(recommender)),
        comparisons=_comparisons(measured, setup.asked.baseline) if truth.lists else (),
        queries=_queries(generation, truth, measured),
        pairs=tuple(measure_pair(recommender, pair, mix) for pair in wanted),
        pairs_rejected=tuple(refused),
        extraction=inputs.extraction,
        learned=inputs.learned,
    )


def _setup(generation: Generation, truth: Truth, k: int) -> EvaluationSetup:
    artists = len(generation.contents.artists.ids)
    drawn = np.random.default_rng(SEED).permutation(artists)[:LABEL_FREE_QUERIES]
    asked = EvaluationSettings(
        k=k,
        depth=DEPTH,
        resamples=RESAMPLES,
        seed=SEED,
        baseline=baseline_of(generation),
        primary=measure_names(k)[0],
        default_view=default_view(generation),
    )
    return EvaluationSetup(
        truth=truth,
        asked=asked,
        popularity=popularity_of(generation),
        has_scene=generation.contents.relations.scene_mentioned,
        vectors_of=_vectors_of(generation),
        label_free=np.sort(drawn),
        listed=_listed(generation),
    )


def _listed(generation: Generation) -> Callable[[int], Rows]:
    scene = generation.contents.relations.scene_strengths

    def listed(row: int) -> Rows:
        start, stop = scene.indptr[row : row + 2]
        return scene.indices[start:stop].astype(np.int64)

    return listed


def _vectors_of(generation: Generation) -> VectorsOf:
    """Reads the unit vectors of artists in the default view; those without audio are left out."""
    vector_row, mix = generation.contents.artists.vector_row, layer_mix.by_default(generation.manifest.space)

    def read(artists: Rows) -> Vectors:
        rows = vector_row[artists]
        if not (rows >= 0).any():
            return np.empty((0, 1), dtype=np.float32)
        return side_by_side(generation.artists, mix, rows[rows >= 0])

    return read


def _sample(generation: Generation, truth: Truth) -> ArtistSample:
    related = {
        query: frozenset(row for row, grade in truth.grades(query).items() if grade > 0) for query in truth.lists
    }
    return sample_artists(generation, related)


def _views(generation: Generation, sample: ArtistSample, k: int) -> tuple[tuple[View, ...], Selection]:
    views: list[View] = []
    halves: dict[str, SplitRetrieval] = {}
    for name, mix in mixes_of(generation).items():
        view, halves[name] = measure_view(generation, sample, mix, name=name, k=k)
        views.append(view)
    return tuple(views), select(views, halves, generation.contents.artists.ids)


def _measure_systems(compared: Sequence[System], setup: EvaluationSetup, progress: Progress) -> list[MeasuredSystem]:
    found: list[MeasuredSystem] = []
    for system in compared:
        progress(len(found), len(compared))
        found.append(measure_system(system, setup))
    return found


def measure_system(system: System, setup: EvaluationSetup) -> MeasuredSystem:
    """Measure ``system`` on the queries of the truth and on the sample without labels."""
    asked, truth = setup.asked, setup.truth
    rankings = {query: system.rank(query, asked.depth).rows for query in truth.lists}
    overlaps = {
        query: overlap_at(ranked, truth.reference(query, asked.k), k=asked.k, pool=setup.pool)
        for query, ranked in rankings.items()
    }
    values = measure({query: truth.grades(query) for query in truth.lists}, rankings, k=asked.k)
    primary = values[asked.primary]
    shown = lists_of(system, setup.label_free.tolist(), k=asked.k)
    result = SystemResult(
        name=system.name,
        kind=system.kind,
        overlap=summarise(overlaps, k=asked.k),
        beyond_listed=summarise(_beyond_listed(setup, rankings), k=asked.k),
        tied=shown.tied,
        measures={name: estimate(found) for name, found in values.items()},
        slices={name: estimate(primary[chosen]) for name, chosen in setup.slices.items()},
        exposure=exposure(shown.rows, setup.popularity, k=asked.k),
        diversity=list_diversity(shown.rows, setup.vectors_of),
        without_scene=_share_without_scene(shown.rows, setup.has_scene),
    )
    return MeasuredSystem(result=result, primary=primary, overlaps=overlaps)


def _beyond_listed(setup: EvaluationSetup, rankings: Mapping[int, Rows]) -> dict[int, Overlap]:
    """Overlap of each query with whom the scene data do not list with it taken for the whole pool."""
    found: dict[int, Overlap] = {}
    for query, ranked in rankings.items():
        listed = set(setup.listed(query).tolist())
        found[query] = overlap_at(
            np.array([row for row in ranked.tolist() if row not in listed], dtype=np.int64),
            [row for row in setup.truth.reference(query, setup.asked.k) if row not in listed],
            k=setup.asked.k,
            pool=setup.pool - len(listed - {query}),
        )
    return found


def list_diversity(lists: Rows, vectors_of: VectorsOf) -> float:
    """1 less the mean cosine of two artists of one list ``[query, k]``, over the lists that have two with audio."""
    vectors = [vectors_of(artists[artists >= 0]).astype(np.float64) for artists in lists]
    means = [float(pairs_of(rows @ rows.T).mean()) for rows in vectors if len(rows) > 1]
    return 1.0 - float(np.mean(means)) if means else float("nan")


def _share_without_scene(shown: Rows, has_scene: npt.NDArray[np.bool_]) -> float:
    given = shown[shown >= 0]
    return float((~has_scene[given]).mean()) if given.size else float("nan")


def _comparisons(measured: Sequence[MeasuredSystem], baseline: str) -> tuple[Comparison, ...]:
    values = {each.result.name: each.primary for each in measured}
    held = values.pop(baseline)
    found = {name: compare(primary, held) for name, primary in values.items()}
    corrected = holm({name: difference.p_value for name, difference in found.items()})
    return tuple(
        Comparison(system=name, difference=difference, corrected_p=corrected[name])
        for name, difference in found.items()
    )


def _queries(generation: Generation, truth: Truth, measured: Sequence[MeasuredSystem]) -> tuple[QueryResult, ...]:
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


LEAKED = 0.5
"""A truth of whose pairs the scene data list so many is no test: it was imported, or comes from the same source."""
TOO_GOOD = 0.95
"""A single signal that reaches so much of what is possible has the truth in its data."""
ENOUGH_TO_TELL = 20
"""Queries from which a signal can be too good."""


def _leak(pairs: int, in_scene: int, measured: Sequence[MeasuredSystem], default: SystemResult) -> str:
    """Why the truth is no test of this generation; empty where nothing speaks against it."""
    if pairs and in_scene / pairs >= LEAKED:
        return f"{in_scene / pairs:.0%} of its pairs are in the scene data, so it tests what was imported"
    for each in measured:
        reached = each.result.overlap.normalised
        if each.result.kind == "alone" and reached.n >= ENOUGH_TO_TELL and reached.mean >= TOO_GOOD:
            return f"{each.result.name} finds {reached.mean:.0%} of it, which only its own source does"
    return _nothing_beyond(pairs, in_scene, default)


def _nothing_beyond(pairs: int, in_scene: int, default: SystemResult) -> str:
    """Whether the default finds more than chance, and only because the scene data list it."""
    more, beyond = default.overlap.above_chance, default.beyond_listed.above_chance
    if not in_scene or not more.low > 0 or beyond.low > 0:
        return ""
    listed = f"{in_scene / pairs:.0%} of its pairs are in the scene data"
    return f"{listed}, and beyond these {default.name} finds no more than chance"


def _truth_used(
    generation: Generation, setup: EvaluationSetup, measured: Sequence[MeasuredSystem], path: Path
) -> TruthSummary:
    truth, names = setup.truth, generation.contents.artists.names
    silent = [row for row in range(len(names)) if row not in truth.lists]
    pairs = [(query, row) for query in truth.lists for row, grade in truth.grades(query).items() if grade > 0]
    scene = generation.contents.relations.scene_strengths
    default = next(each.result for each in measured if each.result.name == setup.asked.baseline)
    in_scene = sum(bool(scene[query, row] > 0) for query, row in pairs)
    return TruthSummary(
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        rows=truth.rows,
        queries=len(truth.lists),
        undefined=tuple(names[query] for query, overlap in measured[0].overlaps.items() if overlap.ceiling == 0),
        without_truth=len(silent),
        without_truth_names=tuple(names[row] for row in silent[:NAMED]),
        pairs=len(pairs),
        in_scene=in_scene,
        leak=_leak(len(pairs), in_scene, measured, default),
        rejected=truth.rejected,
    )
