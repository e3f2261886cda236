"""Every pair of artists in every view, as a CSV: what the first experiment kept as its similarities file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np

from indexer.durable import make_folder, write_file
from indexer.evaluation.pairs import track_cosines
from indexer.evaluation.statistics import SEED
from indexer.evaluation.views import mixes_of, side_by_side
from recommender.generation.open_generation import Generation
from recommender.types import Rows

FILE = "similarities.csv"
MOST_ARTISTS = 100
"""4,950 pairs; of more artists with audio, a seeded sample."""
COLUMNS = ("a_id", "a", "b_id", "b", "layer", "cosine", "tracks_min", "tracks_mean", "tracks_max", "tracks_nearest")


def write_similarities(generation: Generation, folder: Path) -> Path:
    """Write ``similarities.csv`` into ``folder``, which is made; its path.

    One row a view and pair, pairs by artist id; numbers to six digits.
    """
    make_folder(folder)
    write_file(folder / FILE, _lines(generation))
    return folder / FILE


def chosen(generation: Generation) -> Rows:
    """The artists that are written, ``[artist]``: those with audio, at most :data:`MOST_ARTISTS`."""
    heard = np.flatnonzero(generation.contents.artists.vector_row >= 0)
    return np.sort(np.random.default_rng(SEED).permutation(heard)[:MOST_ARTISTS]).astype(np.int64)


def _lines(generation: Generation) -> Iterator[bytes]:
    yield _line(COLUMNS)
    rows, tracks, artists = chosen(generation), generation.contents.tracks, generation.contents.artists
    named = [(artists.ids[row], artists.names[row]) for row in rows.tolist()]
    owned = [tracks.vector_row[(tracks.artist == row) & (tracks.vector_row >= 0)] for row in rows.tolist()]
    for layer, mix in mixes_of(generation).items():
        whole = side_by_side(generation.artists, mix, artists.vector_row[rows]).astype(np.float64)
        heard = [side_by_side(generation.tracks, mix, own).astype(np.float64) for own in owned]
        for a, b in combinations(range(len(rows)), 2):
            parts = track_cosines(heard[a], heard[b])
            numbers = (float(whole[a] @ whole[b]), parts.least, parts.mean, parts.most, parts.nearest)
            yield _line((*named[a], *named[b], layer, *(f"{number:.6f}" for number in numbers)))


def _line(cells: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
