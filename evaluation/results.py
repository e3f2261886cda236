"""The results of one evaluation. Field names are the keys of ``evaluation.json``, so they do not change."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from evaluation.layer_views import Selection, View
from evaluation.learned_profile import LearnedProfile
from evaluation.measures.hubness import Exposure
from evaluation.measures.rank_metrics import OverlapSummary
from evaluation.measures.statistics import Difference, Estimate
from evaluation.pairs import PairResult, ShownSimilarities
from indexer.files.atomic import make_folder, write_file
from indexer.tabular.records import Rejected, read_json
from recommender.errors import BadInput

FILE = "evaluation.json"
"""Name of the file in the folder of ``soundkin evaluate --out``."""


def to_json(run: EvaluationRun) -> str:
    """The run as ASCII JSON; NaN becomes null."""
    return json.dumps(_without_nan(asdict(run)), indent=1, allow_nan=False)


def write_run(run: EvaluationRun, folder: Path) -> Path:
    """Write the run into ``folder``, which is created; return the path of the file."""
    make_folder(folder)
    write_file(folder / FILE, [to_json(run).encode()])
    return folder / FILE


def read_run(path: Path) -> EvaluationRun:
    """Read the file that :func:`write_run` wrote, given its path or its folder. Raises BadInput with the reason."""
    path = path / FILE if path.is_dir() else path
    data = read_json(path)
    version = data.get("format") if isinstance(data, dict) else None
    if version != FORMAT:
        raise BadInput(
            "not_an_evaluation",
            f"{path} has format {version}, this release reads {FORMAT}; run soundkin evaluate again",
        )
    try:
        run = _read(EvaluationRun, data)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadInput("not_an_evaluation", f"{path}: {error}; run soundkin evaluate again") from error
    if not isinstance(run, EvaluationRun) or run.asked.baseline not in {system.name for system in run.systems}:
        raise BadInput("not_an_evaluation", f"{path} has no result of its baseline; run soundkin evaluate again")
    return run


def _without_nan(value: Any) -> Any:  # Any: the values of asdict
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(kind: Any, value: Any) -> Any:  # Any: a type hint and the JSON to be read as it
    """``value`` as the type ``kind``. Raises KeyError, TypeError or ValueError where it is another type."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else _read(next(part for part in parts if part is not type(None)), value)
    if is_dataclass(kind):
        return _read_dataclass(kind, value)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"a list is wanted, not {type(value).__name__}")
        return tuple(_read(parts[0], part) for part in value)
    if origin is dict:
        if not isinstance(value, dict):
            raise TypeError(f"an object is wanted, not {type(value).__name__}")
        return {name: _read(parts[1], part) for name, part in value.items()}
    return _read_plain(kind, value)


def _read_dataclass(kind: Any, value: Any) -> Any:  # Any: as in _read
    if not isinstance(value, Mapping):
        raise TypeError(f"{kind.__name__}: an object is wanted, not {type(value).__name__}")
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: _read(hints[field.name], value[field.name]) for field in fields(kind)})


def _read_plain(kind: Any, value: Any) -> Any:  # Any: as in _read
    if kind is float:
        return math.nan if value is None else float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{kind.__name__} is wanted, not {value!r}")
    return value


def read_extraction(path: Path) -> Extraction:
    """Read the output of ``soundkin embed --json``. Raises BadInput for any other file."""
    data = read_json(path)
    try:
        success, cost = data["success"], data["cost"] or {}
        return Extraction(
            embedded=int(success["embedded"]),
            clips=int(success["clips"]),
            seconds=float(data["seconds"]),
            clips_per_second=_given(cost, "clips_per_second"),
            hours_per_1000_artists=_given(cost, "hours_per_1000_artists"),
            price_per_1000_artists=_given(cost, "price_per_1000_artists"),
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadInput("not_an_embed_report", f"{path} is not what soundkin embed --json prints ({error!r})") from error


def _given(cost: Mapping[str, float | None], name: str) -> float:
    value = cost.get(name)
    return math.nan if value is None else float(value)


FORMAT = 3
"""Version of the JSON; raise it when a key changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """The settings of a run; two runs are comparable when these are equal."""

    k: int
    depth: int
    """Places of a ranking that are read, for measures without an ``@``."""
    resamples: int
    seed: int
    baseline: str
    """System that all others are compared with."""
    primary: str
    """Measure that systems are compared by, such as ``nDCG@5``."""
    default_view: str
    """View (layer or mix) that artists are compared in by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The generation that was measured, in numbers."""

    generation: str
    built_at: str
    space: str
    fingerprint: str
    revision: str
    """Of the encoder; includes the length of its context where that can be chosen."""
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
    """One query: an artist of the truth, and what each system found for it."""

    id: str
    artist: str
    """Its name."""
    listed: int
    in_pool: int
    overlap: float
    """Overlap at k of the default profile; NaN where the ceiling is 0."""
    ceiling: float
    """Best possible overlap at k."""
    values: dict[str, float]
    """System -> primary measure; NaN where the pool holds no relevant artist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthSummary:
    """How much of the truth file could be used."""

    file: str
    sha256: str
    rows: int
    queries: int
    undefined: tuple[str, ...]
    """Names of the queries with a ceiling of 0: nothing of their list is in the generation. Never averaged."""
    without_truth: int
    """Number of artists of the generation that the truth has no list for: reported, not scored."""
    without_truth_names: tuple[str, ...]
    """The first of them."""
    pairs: int
    """Listed pairs with both artists in the generation."""
    in_scene: int
    """Of those, pairs that the scene data list too: the scene signal finds these because they are in its data."""
    leak: str
    """Why the truth is no test of this generation, as a sentence; empty where nothing speaks against it."""
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemResult:
    """One system, measured."""

    name: str
    kind: str
    overlap: OverlapSummary
    beyond_listed: OverlapSummary
    """The same without the artists that the scene data list with the query, in the truth and in the ranking."""
    tied: float
    """Share of the first k places that were drawn among artists with the same score; NaN without a place."""
    measures: dict[str, Estimate]
    slices: dict[str, Estimate]
    """Slice of the queries -> primary measure."""
    exposure: Exposure
    diversity: float
    """1 minus the mean cosine of two artists of one list, in the default view; NaN where no list has two with audio."""
    without_scene: float
    """Share of the recommendations that have no scene data; NaN when nothing was recommended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A system compared with the baseline, query by query."""

    system: str
    difference: Difference
    """System minus baseline, primary measure."""
    corrected_p: float
    """Holm, over all systems that were compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """Success and cost of embedding, from the output of ``soundkin embed --json``."""

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
        """Share of the clips that have an embedding; NaN when there are no clips."""
        return self.embedded / self.clips if self.clips else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRun:
    """One whole evaluation."""

    format: int
    made_at: str
    """RFC 3339, UTC."""
    software: dict[str, str]
    asked: EvaluationSettings
    pool: Pool
    truth: TruthSummary | None
    """None for a run without labels."""
    views: tuple[View, ...]
    selection: Selection
    shown: ShownSimilarities
    """Over pairs of artists with audio."""
    systems: tuple[SystemResult, ...]
    no_data: tuple[str, ...]
    """Signals that know fewer than two artists: they take part in no comparison."""
    comparisons: tuple[Comparison, ...]
    queries: tuple[QueryResult, ...]
    pairs: tuple[PairResult, ...]
    pairs_rejected: tuple[Rejected, ...]
    extraction: Extraction | None
    learned: LearnedProfile | None
    """Weights learned from the truth; None without ``--fit``."""

    @property
    def baseline(self) -> SystemResult:
        """The result of the system that all others are compared with."""
        return next(system for system in self.systems if system.name == self.asked.baseline)

    @property
    def asks_nobody(self) -> bool:
        """Whether a truth was given and none of its queries is in the generation, so that it measures nothing."""
        return self.truth is not None and not self.truth.queries

    @property
    def view(self) -> View | None:
        """The default view; None without audio."""
        return next((view for view in self.views if view.name == self.asked.default_view), None)


def figures(run: EvaluationRun) -> dict[str, float]:
    """The run as single numbers by name, NaN where there is none. Gates and comparisons of two runs use them."""
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
        "spread_above_shuffled": view.shuffled.above if view else nan,
        "overlap": baseline.overlap.overlap.mean,
        "overlap_above_chance": baseline.overlap.above_chance.mean,
        "overlap_above_chance_low": baseline.overlap.above_chance.low,
        "overlap_beyond_listed": baseline.beyond_listed.overlap.mean,
        "tied": baseline.tied,
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
