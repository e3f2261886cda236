"""Rankings of small catalogs, names only, drawn from a real artist graph: the default beside the table and genres.

    python -m benchmarks.small_catalogs [--graph DIR] [--json OUT]

Each catalog is three quarters of a neighbourhood, grown from one artist over the scene rows, and one quarter strangers;
half of the pairs listed inside it are hidden. Made into a generation by the product's own code. Two ways of judging:
*kept*, all pairs are relevant and the listed ones stay in the ranking, as a user sees it; *removed*, only the hidden
ones are, and the listed ones are taken out. NDCG at 5 for 8 and 20 artists, else at 10. Intervals over catalogs.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.graph import GRAPH
from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from benchmarks.recommend_catalog import empty_manifest
from evaluation.measures.statistics import compare, estimate
from indexer.build.calibration.percentiles import reference_of
from indexer.build.catalog_rows import CatalogRows
from indexer.build.contents import make_contents
from recommender.catalog.rows import Artist, ArtistGenre, Collaboration, SceneEdge, SceneList
from recommender.fusion.profiles import custom_weights
from recommender.generation.calibration import RELATIONS, Calibration
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.signals.panel import RelationSignals
from recommender.types import SignalName

CATALOGS = {2: 20, 8: 300, 20: 200, 49: 100, 60: 100, 200: 25}
"""Artists -> number of catalogs."""
NEIGHBOURHOOD = 0.75
HIDDEN = 0.5
DEFAULT, TABLE, GENRE = "evidence", "seed", "genre alone"
KEPT, REMOVED = "kept", "removed"
BETTER_FROM = {KEPT: 8, REMOVED: 60}
"""From so many artists on the default must beat the others, intervals above 0."""
NOT_WORSE = -0.03
"""Below, the difference of the means must not be lower than this: a tie."""
SEED = 11

Pair = tuple[str, str]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RealGraph:
    """The rows of a graph by artist."""

    genres: Mapping[str, Sequence[str]]
    near: Mapping[str, Sequence[str]]
    """Artist -> artists listed with it, either way."""
    ranks: Mapping[Pair, int]
    partners: Mapping[str, Sequence[Collaboration]]


def read(folder: Path) -> RealGraph:
    """Read the files of ``folder``."""
    genres, near, partners = defaultdict(list), defaultdict(list), defaultdict(list)
    ranks: dict[Pair, int] = {}
    for row in _rows(folder / "genres.csv"):
        genres[row["artist"]].append(row["genre"])
    for row in _rows(folder / "scene.csv"):
        one, other = row["artist"], row["similar"]
        ranks[one, other] = int(row["rank"] or 10)
        near[one].append(other)
        near[other].append(one)
    for row in _rows(folder / "collaborations.csv"):
        first, second = sorted((row["artist_a"], row["artist_b"]))
        made = Collaboration(
            artist_a=first, artist_b=second, kind=row["kind"], title="", credited=int(row["credited"]), source="graph"
        )
        partners[first].append(made)
    return RealGraph(genres=genres, near=near, ranks=ranks, partners=partners)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def draw(graph: RealGraph, size: int, random: np.random.Generator) -> list[str]:
    """Artists of one catalog."""
    everyone = sorted(graph.near)
    wanted = max(round(NEIGHBOURHOOD * size), 1)
    while True:
        inside = [everyone[random.integers(len(everyone))]]
        edge = list(inside)
        while edge and len(inside) < wanted:
            artist = edge.pop(int(random.integers(len(edge))))
            fresh = sorted(set(graph.near[artist]) - set(inside))
            chosen = [fresh[place] for place in random.permutation(len(fresh))[: wanted - len(inside)]]
            inside += chosen
            edge += chosen
        if len(inside) == wanted:
            break
    strangers = sorted(set(everyone) - set(inside))
    return sorted([*inside, *(strangers[place] for place in random.permutation(len(strangers))[: size - wanted])])


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallCatalog:
    """A generation of some artists, and what is true of them; artists are rows."""

    recommender: Recommender
    listed: Mapping[int, frozenset[int]]
    """In the generation."""
    hidden: Mapping[int, frozenset[int]]


def make(graph: RealGraph, artists: Sequence[str], random: np.random.Generator) -> SmallCatalog:
    """Hide half of the pairs among ``artists`` and build the rest."""
    row = {artist: place for place, artist in enumerate(artists)}
    pairs = sorted({_sorted(one, other) for one, other in graph.ranks if one in row and other in row})
    hide = {pair for pair in pairs if random.random() < HIDDEN}
    edges = [
        SceneEdge(source="graph", artist_id=one, neighbour_id=other, rank=rank)
        for (one, other), rank in graph.ranks.items()
        if one in row and other in row and _sorted(one, other) not in hide
    ]
    data = CatalogRows(
        artists=[Artist(id=artist, name=artist) for artist in artists],
        names=(),
        external_ids=(),
        tracks=(),
        clips=(),
        genres=[
            ArtistGenre(artist_id=artist, genre=genre, source="graph", weight=1.0)
            for artist in artists
            for genre in graph.genres.get(artist, ())
        ],
        popularity=(),
        scene_lists=[SceneList(source="graph", artist_id=one) for one in sorted({edge.artist_id for edge in edges})],
        scene_edges=edges,
        collaborations=[made for artist in artists for made in graph.partners.get(artist, ()) if made.artist_b in row],
        sources=(),
    )
    contents = make_contents(data, row, clips={})
    signals = RelationSignals.of(contents.relations).all()
    tables = {name: reference_of(signal) for name, signal in zip(RELATIONS, signals, strict=True)}
    generation = Generation(
        manifest=empty_manifest(len(artists), 0),
        contents=contents,
        tracks={},
        artists={},
        calibration=Calibration(percentiles=tables),
    )
    shown = [pair for pair in pairs if pair not in hide]
    return SmallCatalog(recommender=Recommender(generation), listed=_by_row(shown, row), hidden=_by_row(hide, row))


def _sorted(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def _by_row(pairs: Sequence[Pair] | set[Pair], row: Mapping[str, int]) -> dict[int, frozenset[int]]:
    found: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        found[row[one]].add(row[other])
        found[row[other]].add(row[one])
    return {artist: frozenset(others) for artist, others in found.items()}


def judge(catalog: SmallCatalog, method: str, way: str, k: int) -> float:
    """Mean NDCG at ``k`` over the artists that have something to find; NaN where none has."""
    recommender = catalog.recommender
    choices = recommender.choices
    weights = custom_weights({SignalName.GENRE: 1.0}) if method == GENRE else choices.named[method]
    asked, nobody, found = ArtistQuery(seeds=(), mix={}, weights=weights), frozenset[int](), []
    for artist in range(len(recommender.generation.contents.artists.ids)):
        listed, hidden = catalog.listed.get(artist, nobody), catalog.hidden.get(artist, nobody)
        wanted = hidden | listed if way == KEPT else hidden
        if not wanted:
            continue
        ranked = recommender.order_artists(replace(asked, seeds=(artist,)), n=k + len(listed)).tolist()
        answers = ranked if way == KEPT else [other for other in ranked if other not in listed]
        found.append(ndcg([other in wanted for other in answers[:k]], len(wanted), k))
    return float(np.mean(found)) if found else float("nan")


def ndcg(right: Sequence[bool], relevant: int, k: int) -> float:
    """NDCG of a list of right and wrong answers.

    >>> ndcg([True, False], 1, 2), round(ndcg([False, True], 1, 2), 3)
    (1.0, 0.631)
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    return float(np.sum(discount[: len(right)] * np.array(right, dtype=float)) / discount[: min(relevant, k)].sum())


Figures = Mapping[tuple[int, str, str], Values]
"""(artists, way, method) -> ``[catalog]``."""


def measure(graph: RealGraph, catalogs: Mapping[int, int] = CATALOGS) -> Figures:
    """Judge every method in every catalog."""
    found: defaultdict[tuple[int, str, str], list[float]] = defaultdict(list)
    for size, count in catalogs.items():
        random = np.random.default_rng((SEED, size))
        for _ in range(count):
            catalog = make(graph, draw(graph, size, random), random)
            for way, method in itertools.product((KEPT, REMOVED), (DEFAULT, TABLE, GENRE)):
                found[size, way, method].append(judge(catalog, method, way, 5 if size <= 20 else 10))
    return {name: np.array(values) for name, values in found.items()}


def bars_of(figures: Figures) -> list[Bar]:
    """The default beats the others from the sizes of :data:`BETTER_FROM` on; below it is not far behind."""
    bars = []
    for (size, way, method), values in figures.items():
        if method == DEFAULT or size < BETTER_FROM[KEPT]:
            continue
        difference = compare(figures[size, way, DEFAULT], values).difference
        name = f"{size} artists, {way}, default over {method}"
        if size >= BETTER_FROM[way]:
            bars.append(Bar(name=f"{name}, lower end", value=difference.low, threshold=1e-9))
        else:
            bars.append(Bar(name=f"{name}, mean", value=difference.mean, threshold=NOT_WORSE))
    return bars


HEAD = "| artists | catalogs | way | default | seed | genre alone | default less seed | default less genre |\n"
HEAD += "|---:|---:|---|---:|---:|---:|---|---|"


def table(figures: Figures) -> str:
    """A line a size and way."""
    lines = [HEAD]
    for size, way in dict.fromkeys((size, way) for size, way, _ in figures):
        values = [figures[size, way, method] for method in (DEFAULT, TABLE, GENRE)]
        means = [f"{np.nanmean(each):.3f}" if np.isfinite(each).any() else "–" for each in values]
        apart = [compare(values[0], other).difference for other in values[1:]]
        cells = [f"{one.mean:+.3f} [{one.low:+.3f}, {one.high:+.3f}]" if one.n else "–" for one in apart]
        lines.append(f"| {size} | {estimate(values[0]).n} | {way} | {' | '.join((*means, *cells))} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; 1 when a bar is missed, 0 too where the graph is not there."""
    parser = argparse.ArgumentParser(description="Measure rankings of small catalogs of a real artist graph.")
    parser.add_argument("--graph", type=Path, default=GRAPH, metavar="DIR", help="folder of the graph")
    add_json_option(parser)
    options = parser.parse_args(arguments)
    if not (options.graph / "scene.csv").exists():
        print(f"cannot be measured here: no artist graph in {options.graph}")
        return 0
    figures = measure(read(options.graph))
    result = Measurement(
        title="Small catalogs of a real graph, names only",
        command="python -m benchmarks.small_catalogs",
        machine=machine("numpy", "scipy"),
        table_markdown=table(figures),
        bars=tuple(bars_of(figures)),
        notes=(
            "Kept: all pairs are relevant, and listed ones stay in; removed: only hidden ones are, without the listed.",
            "NDCG at 5 for 8 and 20 artists, else at 10; 95 % intervals over catalogs. Of two artists there is one to "
            "rank, so nothing can be better.",
        ),
        figures={
            f"{size} {way} {method}": float(np.nanmean(values))
            for (size, way, method), values in figures.items()
            if np.isfinite(values).any()
        },
    )
    publish(result, options.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
