"""One system measured: its overlap, ranking measures and slices against the truth, and its exposure without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.evaluation.distribution import pairs_of
from indexer.evaluation.exposure import exposure
from indexer.evaluation.overlap import Overlap, overlap_at, summarise
from indexer.evaluation.ranking import measure
from indexer.evaluation.run import Asked, SystemResult
from indexer.evaluation.statistics import estimate
from indexer.evaluation.systems import System, lists_of
from indexer.evaluation.truth import Truth
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
