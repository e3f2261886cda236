"""How often the nearest other clip is by the same artist: leave-one-out retrieval of the artist by an encoder.

    python -m benchmarks.artist_retrieval [--audio FOLDER] [--manifest FILE] [--encoder NAME] [--json OUT]

Only artists with two clips or more take part, as queries and as candidates, so that every query has a right answer.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.measurement import Bar, Measurement, add_json_option, machine, publish
from indexer.audio.decode import choose_excerpt, decode, probe
from indexer.encoders.base import Encoder
from indexer.encoders.registry import encoder_names, load_encoder
from indexer.ingest.tracklist import TracklistRow, read_tracklist
from recommender.names import fold
from recommender.types import ClipEmbeddings, Vectors

AUDIO = Path(__file__).resolve().parents[1].parent / "shared" / "audio"
RESAMPLES = 10_000
SEED = 0
ALL_LAYERS = "all layers, side by side"

Labels: TypeAlias = npt.NDArray[np.int64]
"""``[clip]``: number of the clip's artist."""

Hits: TypeAlias = npt.NDArray[np.bool_]
"""``[clip]``: whether its nearest other clip is by the same artist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Music:
    """The clips that take part, by file name."""

    files: tuple[str, ...]
    artists: Labels
    same_recording: npt.NDArray[np.bool_]
    """``[clip, clip]``: whether the titles name two versions of one piece by one artist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """Result of one view (a layer, or all layers together)."""

    view: str
    hits: int
    queries: int
    accuracy: float
    chance: float
    interval: tuple[float, float]
    """95 % bootstrap interval over artists."""
    p_value: float
    """One-sided permutation test: share of shuffles of the artist names with at least as many hits."""
    hits_without_versions: int
    """Hits when other versions of the same piece are not candidates."""

    @property
    def times_chance(self) -> float:
        return self.accuracy / self.chance


def read_music(audio: Path, manifest: Path) -> Music:
    """The clips of the tracklist ``manifest`` whose file is in ``audio`` and whose artist has two clips or more."""
    rows = sorted(
        (row for row in read_tracklist(manifest).rows.values() if (audio / row.file).is_file()),
        key=lambda row: row.file,
    )
    names = [fold(row.artist.name) for row in rows]
    kept = [row for row, name in zip(rows, names, strict=True) if names.count(name) > 1]
    _, artists = np.unique([fold(row.artist.name) for row in kept], return_inverse=True)
    return Music(
        files=tuple(row.file for row in kept),
        artists=np.asarray(artists, dtype=np.int64),
        same_recording=np.array([[_versions(one, other) for other in kept] for one in kept], dtype=bool),
    )


def embed(music: Music, audio: Path, encoder: Encoder) -> ClipEmbeddings:
    """Decode and embed each clip like the indexer; ``[clip, layer, dim]``."""
    embedded = []
    for file in music.files:
        excerpt = choose_excerpt(probe(audio / file).duration_s)
        waveform = decode(audio / file, excerpt=excerpt, sample_rate_hz=encoder.space.sample_rate_hz)
        embedded.append(encoder.encode([waveform])[0])
    return np.stack(embedded)


def views(embeddings: ClipEmbeddings, encoder: Encoder) -> dict[str, Vectors]:
    """Unit vectors ``[clip, dim]`` of each layer, and of all unit layers side by side."""
    unit = embeddings / np.linalg.norm(embeddings, axis=2, keepdims=True)
    by_layer = {name: unit[:, number] for number, name in enumerate(encoder.space.layer_names)}
    side_by_side = unit.reshape(len(unit), -1) / np.sqrt(len(by_layer))
    return by_layer | {ALL_LAYERS: side_by_side}


def retrieve(view: str, vectors: Vectors, music: Music) -> Retrieval:
    """Measure one view. A tie goes to the earlier clip."""
    nearest = nearest_other(vectors, barred=np.eye(len(vectors), dtype=bool))
    hits = music.artists[nearest] == music.artists
    without_versions = nearest_other(vectors, barred=music.same_recording)
    return Retrieval(
        view=view,
        hits=int(hits.sum()),
        queries=hits.size,
        accuracy=float(hits.mean()),
        chance=chance(music.artists),
        interval=bootstrap_interval(hits, music.artists),
        p_value=permutation_p(nearest, music.artists),
        hits_without_versions=int((music.artists[without_versions] == music.artists).sum()),
    )


def nearest_other(vectors: Vectors, *, barred: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Row of the highest cosine for each row, leaving out the pairs in ``barred [clip, clip]``."""
    similarity = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    return np.asarray(np.where(barred, -np.inf, similarity).argmax(axis=1), dtype=np.int64)


def chance(artists: Labels) -> float:
    """Exact expectation for a clip drawn at random: mean over queries of (n_artist - 1) / (n - 1)."""
    sizes = np.bincount(artists)
    return float((sizes[artists] - 1).mean() / (artists.size - 1))


def bootstrap_interval(hits: Hits, artists: Labels) -> tuple[float, float]:
    """95 % percentile interval of the accuracy, by drawing artists with all their clips.

    Clips of one artist are not independent, so whole artists are drawn (cluster bootstrap). The accuracy is a ratio of
    two sums, which ``evaluation.measures.statistics.estimate``, an interval of a mean, does not cover.
    """
    random = np.random.default_rng(SEED)
    sizes, hits_of = np.bincount(artists), np.bincount(artists, weights=hits)
    drawn = random.integers(sizes.size, size=(RESAMPLES, sizes.size))
    low, high = np.percentile(hits_of[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def permutation_p(nearest: npt.NDArray[np.int64], artists: Labels) -> float:
    """Share of RESAMPLES shuffles of ``artists`` over the clips with at least as many hits; never below 1 / (n + 1)."""
    random = np.random.default_rng(SEED)
    hits = int((artists[nearest] == artists).sum())
    shuffled = random.permuted(np.tile(artists, (RESAMPLES, 1)), axis=1)
    as_good = int(((shuffled[:, nearest] == shuffled).sum(axis=1) >= hits).sum())
    return (1 + as_good) / (1 + RESAMPLES)


def same_piece(one: str, other: str) -> bool:
    """Whether two titles of one artist name the same piece, once words for a version at their end are left out.

    >>> same_piece("dangerous voyage", "dangerous_voyage_music_box"), same_piece("track 02", "track 03")
    (True, False)
    """
    first, second = (_plain_words(title) for title in (one, other))
    return first == second and bool(first)


def _plain_words(title: str) -> tuple[str, ...]:
    versions = r"\b(music box|composed|instrumental|acoustic|live|demo|remix|reprise|edit|version|(\w+ )?mix)$"
    text = re.sub(r"[\W_]+", " ", fold(title)).strip()
    return tuple((re.sub(versions, "", text).strip() or text).split())


def _versions(one: TracklistRow, other: TracklistRow) -> bool:
    same_artist = fold(one.artist.name) == fold(other.artist.name)
    return same_artist and (one.file == other.file or same_piece(one.title or one.file, other.title or other.file))


def table(results: list[Retrieval]) -> str:
    """The results as a markdown table."""
    lines = [
        "| view | right | accuracy | 95 % interval | chance | times chance | p | right without versions |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        low, high = result.interval
        lines.append(
            f"| {result.view} | {result.hits}/{result.queries} | {result.accuracy:.1%} | {low:.1%} to {high:.1%} "
            f"| {result.chance:.1%} | {result.times_chance:.1f} | {result.p_value:.4f} "
            f"| {result.hits_without_versions}/{result.queries} |"
        )
    return "\n".join(lines)


def notes(music: Music, encoder: Encoder, seconds: float) -> list[str]:
    """What a reader must know to judge the table."""
    versions = int((music.same_recording.sum(axis=1) > 1).sum())
    return [
        f"Space {encoder.space.key}; {len(music.files)} clips of {music.artists.max() + 1} artists; "
        f"{seconds / len(music.files):.2f} s a clip to decode and embed.",
        f"Chance is exact. The interval draws artists, and p shuffles their names, {RESAMPLES:,} times.",
        f"Same-recording confound: {versions} clips have another version of their piece in the set, by their titles "
        "(music box, mix …). In the last column those are not candidates.",
        "Same-album confound, not removed: clips of one artist mostly come from one source and one production, which "
        "helps any encoder. Expect less for artists met on other records.",
        "The encoder was fitted to none of this audio, and no weight was chosen by this table.",
    ]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Retrieve a clip's artist from its nearest other clip.")
    parser.add_argument("--audio", type=Path, default=AUDIO, help="folder of clips [default: ../shared/audio]")
    parser.add_argument(
        "--manifest", type=Path, help="tracklist: artist and title of each file [default: manifest.csv in the folder]"
    )
    parser.add_argument("--encoder", default="descriptors", help=f"one of {', '.join(encoder_names())}")
    add_json_option(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write. Returns 0 also where there is no audio."""
    options = parse(arguments)
    manifest = options.manifest or options.audio / "manifest.csv"
    if not manifest.is_file():
        print(f"{manifest} does not exist, so nothing was measured; give a folder with --audio and --manifest")
        return 0
    music = read_music(options.audio, manifest)
    if not music.files:
        print(f"{manifest} lists no artist with two clips in {options.audio}, so nothing was measured")
        return 0
    encoder = load_encoder(options.encoder)
    started = time.monotonic()
    embeddings = embed(music, options.audio, encoder)
    explained = notes(music, encoder, time.monotonic() - started)
    results = [retrieve(name, vectors, music) for name, vectors in views(embeddings, encoder).items()]
    found = report(options, results, explained)
    publish(found, options.out)
    return found.status


def bars_of(results: list[Retrieval]) -> list[Bar]:
    """All layers together find more than chance by the interval, and no less than the mean of the single layers."""
    *layers, together = results
    mean = sum(one.accuracy for one in layers) / max(len(layers), 1)
    return [
        Bar(
            name=f"{together.view}: lower end less chance", value=together.interval[0] - together.chance, threshold=1e-9
        ),
        Bar(name=f"{together.view}: accuracy less the mean of layers", value=together.accuracy - mean, threshold=1e-9),
    ]


def report(options: argparse.Namespace, results: list[Retrieval], explained: list[str]) -> Measurement:
    """The result for the page, with the figures."""
    return Measurement(
        title=f"Whose clip is it? Encoder {options.encoder}",
        command=f"python -m benchmarks.artist_retrieval --encoder {options.encoder}",
        machine=machine("numpy"),
        table_markdown=table(results),
        notes=tuple(explained),
        bars=tuple(bars_of(results)) if len(results) > 1 else (),
        figures={
            result.view: {
                "hits": result.hits,
                "queries": result.queries,
                "accuracy": result.accuracy,
                "interval": result.interval,
                "chance": result.chance,
                "times_chance": result.times_chance,
                "p_value": result.p_value,
                "hits_without_versions": result.hits_without_versions,
            }
            for result in results
        },
    )


if __name__ == "__main__":
    sys.exit(main())
