"""Cost of one ranking as the catalog grows: by candidates and by a full scan with the same code, by kind of question.

    python -m benchmarks.recommend [--artists N ...] [--million] [--json OUT]

A ranking is ``Recommender.rank_artists``: the first 20 with the breakdown of each, five layers of audio as the default
encoder has, four signals, the default profile, one thread. The full scan, the baseline, is the same call on the same
generation without its candidates. Candidates are made by the code of ``soundkin build``. The same questions are asked
through gRPC too, by a client in a process of its own.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from msgspec import structs

from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from benchmarks.recommend_catalog import make_generation
from benchmarks.recommend_client import ask_service
from indexer.build.candidate_overlap import TOP
from indexer.build.candidates import MIN_OVERLAP, PATTERN, CandidateInputs, write_candidates
from pb import soundkin_pb2 as pb
from recommender.generation.candidate_files import Candidates, open_candidates
from recommender.generation.manifest import CandidatesEntry
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import SignalName

SIZES = (10_000, 100_000)
MILLION = 1_000_000
ASKED, SCANNED, SCANNED_OF_MILLION = 500, 150, 25
"""Questions of each kind answered with candidates, and how many of them are also answered by a full scan. With 25 the
overlap of one seed in 100,000 artists was 1.000 where 300 others gave .986, so a bar on so few says little."""
SEED = 5
"""Another seed than that of the build, which measures on its own artists."""
LINE_UP = 150
OWN_WEIGHTS = {SignalName.AUDIO: 5.0, SignalName.SCENE: 1.0, SignalName.GENRE: 3.0, SignalName.COLLABORATION: 1.0}
BARS_MS = {(100_000, "one seed"): 3.0, (100_000, "five seeds"): 6.0, (MILLION, "one seed"): 10.0}
BARS_MS |= {(MILLION, "five seeds"): 20.0}

Times = npt.NDArray[np.float64]
"""``[question]`` in ms."""
Ranking = list[tuple[int, float]]
Question = Callable[[Recommender, Sequence[int]], ArtistQuery]


def _seeds(count: int, *, negative: int = 0) -> Question:
    def query(recommender: Recommender, drawn: Sequence[int]) -> ArtistQuery:
        last = count + negative
        return ArtistQuery(
            seeds=tuple(drawn[:count]), negative_seeds=tuple(drawn[count:last]), mix=recommender.default_mix
        )

    return query


def _own_weights(recommender: Recommender, drawn: Sequence[int]) -> ArtistQuery:
    return replace(_seeds(1)(recommender, drawn), weights=recommender.choices.custom(OWN_WEIGHTS))


def _line_up(recommender: Recommender, drawn: Sequence[int]) -> ArtistQuery:
    return replace(_seeds(5)(recommender, drawn), candidates=frozenset(drawn[5 : 5 + LINE_UP]))


QUESTIONS: Mapping[str, Question] = {
    "one seed": _seeds(1),
    "five seeds": _seeds(5),
    "own weights": _own_weights,
    "a negative seed": _seeds(1, negative=1),
    "five seeds, a line-up of 150": _line_up,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KindResult:
    """One kind of question in a catalog of one size."""

    artists: int
    kind: str
    near: Times
    """Wall time with candidates."""
    near_cpu: Times
    scan: Times
    """Wall time of the full scan."""
    overlap: float
    """Share of the first 20 of the full scan that candidates find; an artist as good as the 20th counts."""
    grpc: Times
    """Wall time seen by a client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeResult:
    """A catalog of one size."""

    artists: int
    kinds: tuple[KindResult, ...]
    entry: CandidatesEntry
    build_s: float
    """Seconds to make candidates and to measure them."""
    build_mb: float
    """Size of the candidates on disk."""
    open_s: float
    """Seconds to open a recommender on the generation in memory."""


def with_candidates(generation: Generation, folder: Path) -> Generation:
    """The generation with candidates, which the product's builder writes into ``folder``."""
    space = generation.manifest.space
    ground = CandidateInputs(
        space=space,
        contents=generation.contents,
        calibration=generation.calibration,
        artists=generation.artists,
    )
    manifest = structs.replace(generation.manifest, candidates=write_candidates(folder, ground))
    found: Candidates | None = open_candidates(folder, manifest, generation.contents, generation.calibration.layers)
    return replace(generation, manifest=manifest, candidates=found)


def measure(artists: int) -> SizeResult:
    """Make a catalog and measure every kind of question in it."""
    with tempfile.TemporaryDirectory() as name:
        folder, plain = Path(name), make_generation(artists)
        started = time.perf_counter()
        generation = with_candidates(plain, folder)
        built = time.perf_counter()
        near, scan = Recommender(generation), Recommender(plain)
        opened = time.perf_counter()
        drawn = _draw(artists)
        asked = {kind: _times_of_client(near, kind, drawn) for kind in QUESTIONS}
        kinds = tuple(_measure_kind(kind, near, scan, drawn, asked[kind]) for kind in QUESTIONS)
        return SizeResult(
            artists=artists,
            kinds=kinds,
            entry=generation.manifest.candidates,
            build_s=built - started,
            build_mb=sum(path.stat().st_size for path in folder.glob(PATTERN)) / 1e6,
            open_s=(opened - built) / 2,
        )


def _draw(artists: int) -> list[list[int]]:
    """Artists for each question."""
    random = np.random.default_rng(SEED)
    return [random.choice(artists, size=5 + LINE_UP, replace=False).tolist() for _ in range(ASKED)]


def _times_of_client(near: Recommender, kind: str, drawn: Sequence[Sequence[int]]) -> Times:
    requests = [request_of(near, QUESTIONS[kind](near, one)) for one in drawn]
    return np.array(ask_service(near, requests))


def request_of(recommender: Recommender, query: ArtistQuery) -> pb.SimilarArtistsRequest:
    """The same question as a client asks it, by artist ids."""
    ids = recommender.generation.contents.artists.ids
    seeds, negative, candidates = (
        [pb.ArtistRef(id=ids[row]) for row in rows if isinstance(row, int)]
        for rows in (query.seeds, query.negative_seeds, sorted(query.candidates or ()))
    )
    request = pb.SimilarArtistsRequest(seeds=seeds, negative_seeds=negative, candidates=candidates, limit=TOP)
    if query.weights is not None:
        weights = [
            pb.SignalWeight(signal=f"SIGNAL_{signal.value.upper()}", weight=weight)
            for signal, weight in OWN_WEIGHTS.items()
        ]
        request.weights.CopyFrom(pb.SignalWeights(weights=weights))
    return request


def _measure_kind(
    kind: str, near: Recommender, scan: Recommender, drawn: Sequence[Sequence[int]], grpc: Times
) -> KindResult:
    question = QUESTIONS[kind]
    near_ms, near_cpu_ms, found = timed(lambda one: ask(near, question, one), drawn)
    artists = len(near.generation.contents.artists.ids)
    scanned = drawn[: SCANNED if artists < MILLION else SCANNED_OF_MILLION]
    scan_ms, _, right = timed(lambda one: ask(scan, question, one), scanned)
    return KindResult(
        artists=artists,
        kind=kind,
        near=near_ms,
        near_cpu=near_cpu_ms,
        scan=scan_ms,
        overlap=overlap(found[: len(right)], right),
        grpc=grpc,
    )


def ask(recommender: Recommender, question: Question, drawn: Sequence[int]) -> Ranking:
    """Row and score of the first 20 artists."""
    ranked = recommender.rank_artists(question(recommender, drawn), offset=0, n=TOP)
    return [(each.row, each.score) for each in ranked]


def timed(
    answer: Callable[[Sequence[int]], Ranking], questions: Sequence[Sequence[int]]
) -> tuple[Times, Times, list[Ranking]]:
    """Wall time, CPU time (both in ms) and ranking of each question, after five of them to warm up."""
    for one in questions[:5]:
        answer(one)
    times, busy, answers = [], [], []
    for one in questions:
        started, at_work = time.perf_counter(), time.thread_time()
        answers.append(answer(one))
        busy.append(1e3 * (time.thread_time() - at_work))
        times.append(1e3 * (time.perf_counter() - started))
    return np.array(times), np.array(busy), answers


def overlap(found: Sequence[Ranking], right: Sequence[Ranking]) -> float:
    """Share of the places that are filled by an equally good artist."""
    as_good = 0
    for ours, theirs in zip(found, right, strict=True):
        least = theirs[-1][1] if theirs else 0.0
        as_good += sum(score >= least for _, score in ours)
    return as_good / max(sum(map(len, right)), 1)


HEAD = (
    "| artists | question | p50 / p95, ms | of CPU, p50 | full scan, p50 | times the full scan | overlap@20 "
    "| by gRPC, p50 / p95, ms |\n|---:|---|---:|---:|---:|---:|---:|---:|"
)


def row(found: KindResult) -> str:
    """One line of the table."""
    faster = float(np.median(found.scan) / np.median(found.near))
    return (
        f"| {found.artists:,} | {found.kind} | {_both(found.near)} | {np.median(found.near_cpu):.2f} "
        f"| {np.median(found.scan):.1f} | {faster:.1f} | {found.overlap:.4f} "
        f"| {_both(found.grpc)} |"
    )


def _both(times: Times) -> str:
    return f"{np.median(times):.2f} / {np.quantile(times, 0.95):.2f}"


def bars_of(found: Sequence[SizeResult]) -> list[Bar]:
    """Times, overlaps, and that the cost grows by less than the catalog."""
    bars = []
    for one in (kind for size in found for kind in size.kinds):
        name = f"{one.artists:,} artists, {one.kind}"
        if (one.artists, one.kind) in BARS_MS:
            limit = BARS_MS[one.artists, one.kind]
            bars.append(Bar(name=f"{name}, p50 in ms", value=_median(one), threshold=limit, at_least=False))
        bars.append(Bar(name=f"{name}, overlap@20", value=one.overlap, threshold=MIN_OVERLAP))
    for size in found:
        bars += [
            Bar(
                name=f"{size.artists:,} artists, overlap@20 at build, {one.kind}",
                value=one.overlap_at_20,
                threshold=MIN_OVERLAP,
            )
            for one in size.entry.kinds
        ]
    for small, large in itertools.pairwise(found):
        growth = _median(large.kinds[0]) / _median(small.kinds[0])
        times = large.artists / small.artists
        name = f"one seed in {large.artists:,} artists, times the cost in {small.artists:,}"
        bars.append(Bar(name=name, value=growth, threshold=times / 2, at_least=False))
    return bars


def _median(found: KindResult) -> float:
    return float(np.median(found.near))


def notes(found: Sequence[SizeResult]) -> list[str]:
    """What a reader must know to judge the table."""
    made = (
        f"{one.artists:,} artists: candidates made and measured in {one.build_s:.0f} s, {one.build_mb:.1f} MB on disk, "
        f"{one.entry.nearest or 'no'} by sound, opened in {one.open_s:.2f} s; promised at build: "
        f"{', '.join(f'{kind.kind} {kind.overlap_at_20:.4f}' for kind in one.entry.kinds) or 'nothing'}."
        for one in found
    )
    return [
        *made,
        f"One thread, {ASKED} questions of each kind, the first 20 with the breakdown of each; {SCANNED} of them "
        f"({SCANNED_OF_MILLION} in a million artists) by a full scan too, on the same arrays in the same run.",
        "Made catalogs (benchmarks/recommend_catalog.py): vectors, lists and tags are drawn at once; the walk, cohort "
        "statistics, percentiles and candidates are those of the product. Real catalogs may need more candidates: a "
        "build tries, measures, and compares all artists where no number is enough.",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description="Measure the cost of one ranking as the catalog grows.")
    parser.add_argument("--artists", type=int, action="append", metavar="N", help=f"sizes [default: {SIZES}]")
    parser.add_argument("--million", action="store_true", help="a million artists too: half an hour, 20 GB of memory")
    add_json_option(parser)
    options = parser.parse_args(arguments)
    found = []
    for artists in (*(options.artists or SIZES), *([MILLION] if options.million else [])):
        found.append(measure(artists))
        print(*map(row, found[-1].kinds), sep="\n", flush=True)
    result = Measurement(
        title="A ranking of artists, by kind of question, as the catalog grows",
        command="python -m benchmarks.recommend" + (" --million" if options.million else ""),
        machine=machine("numpy", "faiss"),
        table_markdown="\n".join([HEAD, *(row(kind) for size in found for kind in size.kinds)]),
        notes=tuple(notes(found)),
        bars=tuple(bars_of(found)),
        figures={
            f"{kind.artists} {kind.kind}": {
                "p50_ms": _median(kind),
                "p95_ms": float(np.quantile(kind.near, 0.95)),
                "scan_p50_ms": float(np.median(kind.scan)),
                "grpc_p50_ms": float(np.median(kind.grpc)),
                "grpc_p95_ms": float(np.quantile(kind.grpc, 0.95)),
            }
            for size in found
            for kind in size.kinds
        },
    )
    publish(result, options.out)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
