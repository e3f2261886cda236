"""How well artists of a real graph are ranked: the product's profiles beside methods that a user would pick.

    python -m benchmarks.graph [--graph DIR] [--json OUT]

The folder has ``genres.csv``, ``scene.csv``, ``collaborations.csv`` and files of held-out truth, ``truth_fit.csv``,
``truth_core.csv`` and ``truth_any.csv`` (query, item, grade). The first three are imported by the product into a home
of its own, built and published. Everybody may be ranked; artists that the scene lists with the query, in either
direction, are taken out before a ranking is judged. NDCG at 10; 95 % bootstrap over queries. Weights are learned from
``truth_fit`` alone. Without the folder nothing is measured.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from benchmarks import graph_baselines as baselines
from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from evaluation.measures.statistics import compare, estimate
from recommender.fusion.profiles import custom_weights
from recommender.generation.open_generation import open_current
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import SIGNALS, ScoredArtist, SignalName

ROOT = Path(__file__).resolve().parent.parent
GRAPH = ROOT.parent / "shared" / "graph"
TRUTHS = ("fit", "core", "any")
K = 10
DEPTH = 400
"""Places that are ranked, so that ten are left when known neighbours are taken out."""
BARS = {"core": 0.52, "any": 0.48}
LEARNED_BARS = {"core": 0.53, "any": 0.50}
DISTINCT, DISTINCT_SHARE = 8, 0.9
"""Distinct three-decimal scores in the top ten, and the share of queries that must have as many."""
DEFAULT = "evidence"
_DISCOUNT = 1.0 / np.log2(np.arange(2, K + 2))

Truth = Mapping[int, Mapping[int, float]]
Values = npt.NDArray[np.float64]
Ranker = Callable[[int], npt.NDArray[np.int64]]
"""Query row -> rows, best first, known neighbours among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A published home, its truth, and the rows as matrices for the baselines."""

    recommender: Recommender
    truths: Mapping[str, Truth]
    links: csr_array
    """``[artist, artist]`` of 0 and 1: scene rows, both directions."""
    genres: csr_array
    """``[artist, genre]`` of 0 and 1."""


def soundkin(*words: str) -> int:
    """Run the command line; its exit status."""
    done = subprocess.run([sys.executable, str(ROOT / "soundkin.py"), *words], cwd=ROOT, stdout=subprocess.DEVNULL)
    return done.returncode


def make_home(home: Path, graph: Path, *, learn: bool) -> None:
    """Import, build and publish; then learn from ``truth_fit`` where asked, and build again with what is kept."""
    for kind in ("genres", "scene", "collaborations"):
        _require(soundkin("import", kind, str(graph / f"{kind}.csv"), "--licence", "own", "--home", str(home)))
    _publish(home)
    if learn:
        # Each way of learning is refused where it does not win on artists left out: exit status 1, and the reason.
        for way in ("--fit", "--learn"):
            soundkin("evaluate", str(graph / "truth_fit.csv"), way, "--k", "10", "--home", str(home))
        _publish(home)


def _publish(home: Path) -> None:
    _require(soundkin("build", "--home", str(home)))
    _require(soundkin("publish", "--home", str(home)))


def _require(status: int) -> None:
    if status:
        raise SystemExit(f"a command of soundkin ended with {status}; run it by hand to see why")


def read_graph(home: Path, graph: Path) -> Graph:
    """Open the published generation of ``home``, and read the files of ``graph`` once more for the baselines."""
    recommender = Recommender(open_current(home))
    artists = recommender.generation.contents.artists
    row = {name: place for place, name in enumerate(artists.names)}
    scene = [(row[each["artist"]], row[each["similar"]]) for each in _rows(graph / "scene.csv")]
    tags = [(row[each["artist"]], each["genre"]) for each in _rows(graph / "genres.csv")]
    columns = {genre: place for place, genre in enumerate(sorted({genre for _, genre in tags}))}
    truths: dict[str, dict[int, dict[int, float]]] = {}
    for name in TRUTHS:
        lists = truths.setdefault(name, {})
        for each in _rows(graph / f"truth_{name}.csv"):
            if each["query"] in row and each["item"] in row:
                lists.setdefault(row[each["query"]], {})[row[each["item"]]] = float(each["grade"])
    both = [*scene, *((b, a) for a, b in scene)]
    return Graph(
        recommender=recommender,
        truths=truths,
        links=_ones(both, (len(row), len(row))),
        genres=_ones([(artist, columns[genre]) for artist, genre in tags], (len(row), len(columns))),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _ones(pairs: Sequence[tuple[int, int]], shape: tuple[int, int]) -> csr_array:
    rows, columns = np.array(sorted(set(pairs)), dtype=np.int64).T
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)


def rankers(graph: Graph) -> dict[str, Ranker]:
    """Every profile, every signal alone that has rows, and every baseline."""
    recommender = graph.recommender
    found: dict[str, Ranker] = {}
    for name, profile in recommender.choices.named.items():
        asked = ArtistQuery(seeds=(), mix=recommender.default_mix, weights=profile)
        found[name] = _product(recommender, asked)
    for signal in SIGNALS:
        if signal is not SignalName.AUDIO:
            asked = ArtistQuery(seeds=(), mix=recommender.default_mix, weights=custom_weights({signal: 1.0}))
            found[f"{signal.value} alone"] = _product(recommender, asked)
    scored: dict[str, baselines.Baseline] = {
        "genre Jaccard": baselines.jaccard(graph.genres),
        "item-kNN": baselines.item_knn(graph.links),
        "Adamic-Adar": baselines.adamic_adar(graph.links),
        "PageRank, dense": baselines.pagerank(graph.links),
        "walk, 5 steps": baselines.sparse_walk(graph.links),
        "popularity": baselines.popularity(graph.links),
        "noise": baselines.noise(graph.links.shape[0]),
    }
    try:
        scored |= {f"ALS, alpha {alpha:g}": baselines.als(graph.links, alpha=alpha) for alpha in (20.0, 1.0)}
    except ImportError as error:
        print(f"ALS is left out: {error}; pip install implicit")
    return found | {name: _by_score(baseline) for name, baseline in scored.items()}


def _product(recommender: Recommender, asked: ArtistQuery) -> Ranker:
    return lambda query: recommender.order_artists(replace(asked, seeds=(query,)), n=DEPTH)


def _by_score(baseline: baselines.Baseline) -> Ranker:
    def rank(query: int) -> npt.NDArray[np.int64]:
        scores = baseline(query).copy()
        scores[query] = -1.0
        ordered = np.argsort(-scores, kind="stable")
        return ordered[scores[ordered] > 0].astype(np.int64)

    return rank


def judge(ranker: Ranker, truth: Truth, links: csr_array) -> Values:
    """``[query]`` NDCG at 10, known neighbours taken out."""
    return np.array([_ndcg(ranker(query), items, _known(links, query)) for query, items in truth.items()])


def _known(links: csr_array, query: int) -> frozenset[int]:
    return frozenset(links.indices[links.indptr[query] : links.indptr[query + 1]].tolist())


def _ndcg(ranked: npt.NDArray[np.int64], items: Mapping[int, float], known: frozenset[int]) -> float:
    wanted = {row: grade for row, grade in items.items() if row not in known}
    best = np.sort(np.array(list(wanted.values())))[::-1][:K]
    first = [row for row in ranked.tolist() if row not in known][:K]
    gains = np.array([wanted.get(row, 0.0) for row in first])
    return float(gains @ _DISCOUNT[: len(gains)] / (best @ _DISCOUNT[: len(best)])) if best.size else float("nan")


def distinct_scores(graph: Graph, truth: Truth) -> float:
    """Share of queries whose top ten, known neighbours kept, has at least eight distinct three-decimal scores."""
    recommender = graph.recommender

    def top_ten(query: int) -> list[ScoredArtist]:
        asked = ArtistQuery(seeds=(query,), mix=recommender.default_mix)
        return recommender.rank_artists(asked, offset=0, n=K)

    counts = [len({round(artist.score, 3) for artist in top_ten(query)}) for query in truth]
    return float(np.mean([count >= DISTINCT for count in counts]))


def bars_of(values: Mapping[str, Mapping[str, Values]], distinct: Mapping[str, float]) -> list[Bar]:
    """The bars: the default's height, its lead over every other but the learned ones, and theirs over it."""
    bars = [
        Bar(name=f"{DEFAULT}, {truth}", value=float(np.nanmean(values[DEFAULT][truth])), threshold=bar)
        for truth, bar in BARS.items()
    ]
    bars += [
        Bar(name=f"share of queries with {DISTINCT} distinct scores, {truth}", value=share, threshold=DISTINCT_SHARE)
        for truth, share in distinct.items()
    ]
    for name in values.keys() - {DEFAULT, "learned", "fitted"}:
        for truth in BARS:
            low = compare(values[DEFAULT][truth], values[name][truth]).difference.low
            bars.append(Bar(name=f"{DEFAULT} over {name}, {truth}, lower end", value=low, threshold=1e-9))
    for name in values.keys() & {"learned", "fitted"}:
        for truth, bar in LEARNED_BARS.items():
            low = compare(values[name][truth], values[DEFAULT][truth]).difference.low
            bars.append(Bar(name=f"{name} over {DEFAULT}, {truth}, lower end", value=low, threshold=1e-9))
            if name == "learned":
                mean = float(np.nanmean(values[name][truth]))
                bars.append(Bar(name=f"{name}, {truth}", value=mean, threshold=bar))
    return sorted(bars, key=lambda bar: bar.name)


HEAD = "| method | fit | core | any | default less this, core | any |\n|---|---|---|---|---|---|"


def table(values: Mapping[str, Mapping[str, Values]]) -> str:
    """One line a method, best on core first."""
    ordered = sorted(values, key=lambda name: -np.nanmean(values[name]["core"]))
    return "\n".join([HEAD, *(_line(name, values) for name in ordered)])


def _line(name: str, values: Mapping[str, Mapping[str, Values]]) -> str:
    means = [estimate(values[name][truth]) for truth in TRUTHS]
    cells = [f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in means]
    for truth in BARS:
        found = compare(values[DEFAULT][truth], values[name][truth]).difference
        cells.append("" if name == DEFAULT else f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]")
    return f"| {name} | {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; 1 when a bar is missed, 0 too where the graph is not there."""
    parser = argparse.ArgumentParser(description="Measure the rankings of a real artist graph.")
    parser.add_argument("--graph", type=Path, default=GRAPH, metavar="DIR", help="folder of the graph")
    parser.add_argument("--no-learning", action="store_true", help="leave out weights learned from truth_fit")
    add_json_option(parser)
    options = parser.parse_args(arguments)
    if not (options.graph / "scene.csv").exists():
        print(f"cannot be measured here: no artist graph in {options.graph}")
        return 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        make_home(Path(name), options.graph, learn=not options.no_learning)
        graph = read_graph(Path(name), options.graph)
        values = {
            method: {truth: judge(ranker, graph.truths[truth], graph.links) for truth in TRUTHS}
            for method, ranker in rankers(graph).items()
        }
        distinct = {truth: distinct_scores(graph, graph.truths[truth]) for truth in BARS}
    result = Measurement(
        title="Artists of a real graph, half of its edges held out",
        command="python -m benchmarks.graph",
        machine=machine("numpy", "scipy"),
        table_markdown=table(values),
        bars=tuple(bars_of(values, distinct)),
        notes=(
            f"{len(graph.links.indptr) - 1:,} artists without audio; NDCG@{K}, known neighbours taken out, 95 % "
            f"bootstrap over queries. {time.monotonic() - started:.0f} s.",
            "Learned from truth_fit and kept, because better on artists left out: "
            f"{', '.join(sorted(values.keys() & {'fitted', 'learned'})) or 'nothing'}.",
        ),
        figures={
            method: {truth: float(np.nanmean(each)) for truth, each in by.items()} for method, by in values.items()
        },
    )
    publish(result, options.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
