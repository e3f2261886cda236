"""What one evaluation found: frozen nouns, as they stand in its JSON."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.layer_views import Selection, View
from evaluation.learned_profile import LearnedProfile
from evaluation.measures.hubness import Exposure
from evaluation.measures.rank_metrics import OverlapSummary
from evaluation.measures.statistics import Difference, Estimate
from evaluation.pair_similarity import ShownSimilarities
from evaluation.pairs import PairResult
from indexer.tabular.rejects import Rejected

FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How it was measured: what must be the same for two runs to be compared."""

    k: int
    depth: int
    """Places of a ranking that are looked at, for measures without an ``@``."""
    resamples: int
    seed: int
    baseline: str
    """System that the others are held against."""
    primary: str
    """Measure by which."""
    default_view: str
    """View that artists are compared in unless asked otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What was measured."""

    generation: str
    built_at: str
    space: str
    fingerprint: str
    revision: str
    """Of the encoder; with what it hears at once, where that is a choice."""
    preprocessing: str
    layers: int
    dim: int
    calibration: dict[str, str]
    """Layer -> status, method and the beginning of the key of its bundle; empty without."""
    artists: int
    tracks: int
    with_audio: int
    """Artists; likewise below."""
    with_scene: int
    with_genre: int
    with_collaboration: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """One artist that was asked about."""

    id: str
    artist: str
    """Its name."""
    listed: int
    in_pool: int
    overlap: float
    """At k, of the default profile; NaN where the ceiling is 0."""
    ceiling: float
    """Best possible overlap at k."""
    values: dict[str, float]
    """System -> primary measure; NaN where nothing could be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthUsed:
    """What the truth file came to."""

    file: str
    sha256: str
    rows: int
    queries: int
    undefined: tuple[str, ...]
    """Artists asked about whose ceiling is 0: nothing of their list is in the generation. Never averaged."""
    without_truth: int
    """Artists of the generation that the truth does not ask about: reported, not scored."""
    without_truth_names: tuple[str, ...]
    """The first of them."""
    pairs: int
    """Listed pairs with both artists in the generation."""
    in_scene: int
    """Of those, pairs the scene signal lists too: what it was told, it can repeat."""
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemResult:
    """One system, measured."""

    name: str
    kind: str
    overlap: OverlapSummary
    measures: dict[str, Estimate]
    slices: dict[str, Estimate]
    """Slice of the queries -> primary measure."""
    exposure: Exposure
    diversity: float
    """1 less the mean cosine of two artists of one list, in the default view; NaN where no list has two with audio."""
    without_scene: float
    """Share of the recommendations that have no scene data; NaN when nothing was recommended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A system held against the baseline, query by query."""

    system: str
    difference: Difference
    """System less baseline, primary measure."""
    corrected_p: float
    """Holm, over all systems that were compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What embedding came to, from the report of ``soundkin embed --json``."""

    embedded: int
    clips: int
    seconds: float
    clips_per_second: float
    """NaN for a run that embedded nothing; likewise below."""
    hours_per_1000_artists: float
    price_per_1000_artists: float
    """NaN, too, when no price was given."""

    @property
    def success(self) -> float:
        """Share of the clips that have an embedding; NaN of none."""
        return self.embedded / self.clips if self.clips else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRun:
    """All of it."""

    format: int
    made_at: str
    """RFC 3339, UTC."""
    software: dict[str, str]
    asked: Asked
    pool: Pool
    truth: TruthUsed | None
    """None for a run without labels."""
    views: tuple[View, ...]
    selection: Selection
    shown: ShownSimilarities
    """Over pairs of artists with audio."""
    systems: tuple[SystemResult, ...]
    comparisons: tuple[Comparison, ...]
    queries: tuple[QueryResult, ...]
    pairs: tuple[PairResult, ...]
    pairs_rejected: tuple[Rejected, ...]
    extraction: Extraction | None
    learned: LearnedProfile | None
    """Weights learned from the truth, where that was asked for."""

    @property
    def baseline(self) -> SystemResult:
        """The system that others are held against."""
        return next(system for system in self.systems if system.name == self.asked.baseline)

    @property
    def asks_nobody(self) -> bool:
        """There is a truth, and no artist that it asks about is in the generation: it measures nothing."""
        return self.truth is not None and not self.truth.queries

    @property
    def view(self) -> View | None:
        """The default view; None without audio."""
        return next((view for view in self.views if view.name == self.asked.default_view), None)


def figures(run: EvaluationRun) -> dict[str, float]:
    """The run in single numbers, NaN where there is none: what gates are held against and two runs compared by."""
    nan, view, baseline = float("nan"), run.view, run.baseline
    found = {
        "artists": float(run.pool.artists),
        "queries": float(baseline.overlap.overlap.n),
        "span": run.shown.spread.span,
        "iqr": run.shown.spread.iqr,
        "auc": run.shown.separation.auc,
        "d_prime": run.shown.separation.d_prime,
        "unrelated_median": run.shown.separation.unrelated_median,
        "cosine_span": view.spread.span if view else nan,
        "hub_share": view.hub_share if view else nan,
        "split_mrr": view.split.mean if view else nan,
        "genre_accuracy": view.genre.accuracy.mean if view else nan,
        "silhouette": view.genre.silhouette if view else nan,
        "calibration_error": run.shown.reliability.ece,
        "brier": run.shown.reliability.brier,
        "view_skewness": view.hubs.skewness if view else nan,
        "overlap": baseline.overlap.overlap.mean,
        "overlap_of_ceiling": baseline.overlap.normalised.mean,
        "ceiling": baseline.overlap.ceiling,
        "coverage": baseline.exposure.coverage,
        "skewness": baseline.exposure.hubs.skewness,
        "exposure_gini": baseline.exposure.hubs.gini,
        "novelty": baseline.exposure.novelty,
        "diversity": baseline.diversity,
        "success": run.extraction.success if run.extraction else nan,
        "price_per_1000_artists": run.extraction.price_per_1000_artists if run.extraction else nan,
        "highest_low_pair": max(_values(run, "low"), default=nan),
        "lowest_high_pair": min(_values(run, "high"), default=nan),
    }
    return found | {name: estimate.mean for name, estimate in baseline.measures.items()}


def _values(run: EvaluationRun, expected: str) -> list[float]:
    found = [pair.value for pair in run.pairs if pair.expected.casefold() == expected]
    return [value for value in found if value == value]
