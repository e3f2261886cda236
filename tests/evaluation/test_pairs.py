"""Two artists by their tracks, and the file of every pair in every layer."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from evaluation import pairs
from evaluation.pairs import COLUMNS, track_cosines, write_similarities, written_artists
from tests.evaluation.kin import NOISE, SOUND, catalog
from tests.factories import make_generation

A = np.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0]])
B = np.array([[0.0, 1.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]])


def test_the_golden_artists_are_as_near_as_in_the_reference() -> None:
    # docs/methods.md, "Artist means": mean of pairs .42, Chamfer .71, max .96
    found = track_cosines(A, B)
    assert (found.mean, found.nearest, found.most) == pytest.approx((0.42, 0.71, 0.96))
    assert found.least == 0.0
    assert track_cosines(B, A).nearest == pytest.approx(0.71)


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def test_every_pair_with_audio_is_written_for_every_layer(tmp_path: Path) -> None:
    generation = make_generation(catalog())
    found = list(rows(write_similarities(generation, tmp_path / "new" / "folder")))
    assert tuple(found[0]) == COLUMNS
    assert len(found) == 2 * 12 * 11 / 2, "twelve artists with audio, two layers; Silent has none"
    artists = generation.contents.artists
    heard = [artists.ids[row] for row in range(13) if artists.vector_row[row] >= 0]
    for layer in (SOUND, NOISE):
        pairs = [(row["a_id"], row["b_id"]) for row in found if row["layer"] == layer]
        assert pairs == list(combinations(heard, 2))
    one, other = (generation.artists[SOUND].vectors(np.array([artist])).astype(np.float64)[0] for artist in (0, 1))
    first = next(row for row in found if row["layer"] == SOUND)
    assert float(first["cosine"]) == pytest.approx(float(one @ other), abs=1e-6)
    ours, theirs = (
        generation.tracks[SOUND].vectors(tracks.vector_row[tracks.artist == artist]).astype(np.float64)
        for tracks in (generation.contents.tracks,)
        for artist in (0, 1)
    )
    parts = track_cosines(ours, theirs)
    numbers = [float(first[f"tracks_{name}"]) for name in ("min", "mean", "max", "nearest")]
    assert numbers == pytest.approx([parts.least, parts.mean, parts.most, parts.nearest], abs=1e-6)
    assert len(set(numbers)) == 4, "they can be told apart"
    for row in found:
        least, mean, most = (float(row[name]) for name in ("tracks_min", "tracks_mean", "tracks_max"))
        assert least <= mean <= float(row["tracks_nearest"]) <= most


def test_of_many_artists_a_sample_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pairs, "MAX_ARTISTS", 4)
    generation = make_generation(catalog())
    picked = written_artists(generation)
    assert picked.tolist() == sorted(set(picked.tolist()))
    found = list(rows(write_similarities(generation, tmp_path)))
    assert len({row["a_id"] for row in found} | {row["b_id"] for row in found}) == len(picked) == 4


@pytest.mark.parametrize(
    ("cell", "written"), [("=1+1", "'=1+1"), ("@x", "'@x"), ("-x", "'-x"), ("-0.25", "-0.25"), ("Björk", "Björk")]
)
def test_no_cell_begins_a_formula_and_numbers_stay_numbers(cell: str, written: str) -> None:
    assert pairs._line((cell,)).decode() == f"{written}\n"
