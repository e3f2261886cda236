"""A generation whose files were made by somebody else, and sealed, is refused by the file that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.errors import GenerationCorrupt
from recommender.generation.contents import TrackFacts, load, save
from recommender.generation.manifest import with_sum
from recommender.generation.open_generation import MANIFEST, checksum_file, open_generation
from tests.factories import MadeArtist, MadeCatalog, MadeCollaboration, MadeTrack, write_generation

ONE = MadeTrack(title="One", id="t1", vectors={"low": [1, 0], "high": [0, 1]})
TWO = MadeTrack(title="Two", id="t2", vectors={"low": [0, 1], "high": [0, 1]})
MADE = MadeCatalog(
    artists=(
        MadeArtist(
            id="a", name="Ä", aliases=("AE",), external_ids={"mbid": "1"}, genres={"techno": 1.0}, tracks=(ONE, TWO)
        ),
        MadeArtist(id="b", name="B", genres={"house": 0.5}, tracks=(MadeTrack(title="Three", id="t3"),)),
    ),
    scene={("a", "b"): 0.25},
    scene_listed=("a",),
    collaborations=(MadeCollaboration(a="b", b="a", similarity=0.5, title="Together"),),
)
Array = np.ndarray[Any, np.dtype[Any]]  # Any: files of every type are spoilt here


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_generation(tmp_path, MADE)


def put(row: int, value: float) -> Callable[[Array], Array]:
    def change(array: Array) -> Array:
        array[row] = value
        return array

    return change


def spoil(folder: Path, name: str, change: Callable[[Array], Array]) -> None:
    """Change a file and make the manifest fit, as whoever sealed a wrong generation would have."""
    path = folder / f"{name}.npy"
    array = change(np.load(path, allow_pickle=False))
    path.chmod(0o644)
    np.save(path, array)
    manifest = json.loads((folder / MANIFEST).read_text())
    fresh = checksum_file(path)
    for entry in manifest["files"]:
        if entry["name"] == path.name:
            entry.update(size=fresh.size, xxh3_128=fresh.xxh3_128, sha256=fresh.sha256)
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text(json.dumps(with_sum(manifest)))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("artist.vector_row", put(0, 5), "numbers its vectors with gaps"),
        ("artist.vector_row", put(0, -2), "numbers its vectors with gaps"),
        ("artist.vector_row", lambda rows: rows[:1], "has 1 entries, expected 2"),
        ("track.vector_row", put(1, 0), "gives two the same vector"),
        ("track.vector_row", put(0, 7), "numbers its vectors with gaps"),
        ("track.artist", put(2, 2), "leads past the 2 artists"),
        ("track.artist", put(0, -1), "leads past the 2 artists"),
        ("track.clips", lambda clips: clips[1:], "has 2 entries, expected 3"),
        ("track.clips_digest", lambda digests: digests[:, :8], "has 8 entries, expected 16"),
        ("artist.spelling_artist", put(0, 2), "leads past the 2 artists"),
        ("artist.external_artist", put(0, -1), "leads past the 2 artists"),
        ("artist.external_artist", lambda rows: rows[:0], "has 0 entries, expected 1"),
        ("artist.names.offsets", put(1, 1), "in the middle of a character"),
        ("artist.names.offsets", put(2, 9), "do not fill the bytes"),
        ("event.artist_a", put(0, 2), "leads past the 2 artists"),
        ("event.artist_b", put(0, -3), "leads past the 2 artists"),
        ("genre_weights.indptr", put(1, 9), "does not divide the entries"),
        ("genre_weights.indptr", put(0, 1), "does not divide the entries"),
        ("genre_weights.indptr", lambda marks: marks[:-1], "does not divide the entries"),
        ("genre_weights.indices", put(0, 2), "leads past the 2 columns"),
        ("genre_weights.indices", put(0, -1), "leads past the 2 columns"),
        ("genre_weights.shape", put(1, 3), "has 3 entries, expected 2"),
        ("scene_strengths.indices", put(1, 2), "leads past the 2 columns"),
        ("scene_strengths.shape", put(1, 3), "has 3 entries, expected 2"),
        ("scene_strengths.data", put(0, float("nan")), "is not finite"),
        ("collaborations.indptr", put(1, -1), "does not divide the entries"),
        ("collaborations.shape", lambda shape: shape[:1], "is not two sizes"),
        ("scene_mentioned", lambda flags: flags[:1], "has 1 entries, expected 2"),
        ("collaboration_known", lambda flags: np.append(flags, True), "has 3 entries, expected 2"),
    ],
)
def test_what_leads_to_nowhere_is_refused_when_it_is_opened(
    folder: Path, name: str, change: Callable[[Array], Array], said: str
) -> None:
    open_generation(folder)
    spoil(folder, name, change)
    with pytest.raises(GenerationCorrupt, match=said) as caught:
        open_generation(folder)
    assert f"{name}.npy" in str(caught.value)


def test_popularity_is_an_optional_column(tmp_path: Path) -> None:
    """Without it there is no file, as in older generations."""
    made = open_generation(write_generation(tmp_path / "made", MADE)).contents
    assert made.artists.popularity is None
    given = np.array([np.nan, 0.5])
    for name, column in (("with", given), ("without", None)):
        (tmp_path / name).mkdir()
        save(replace(made, artists=replace(made.artists, popularity=column)), tmp_path / name)
    np.testing.assert_array_equal(load(tmp_path / "with").artists.popularity, given)
    assert load(tmp_path / "without").artists.popularity is None
    files = {name: {path.name for path in (tmp_path / name).iterdir()} for name in ("with", "without")}
    assert files["with"] - files["without"] == {"artist.popularity.npy"}


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([0.5], "has 1 entries, expected 2"),
        ([0.5, 1.5], "outside"),
        ([0.5, -0.1], "outside"),
        ([0.5, np.inf], "outside"),
    ],
)
def test_a_wrong_popularity_is_refused(tmp_path: Path, column: list[float], said: str) -> None:
    made = open_generation(write_generation(tmp_path / "made", MADE)).contents
    (tmp_path / "wrong").mkdir()
    save(replace(made, artists=replace(made.artists, popularity=np.array(column))), tmp_path / "wrong")
    with pytest.raises(GenerationCorrupt, match=rf"artist\.popularity\.npy.*{said}"):
        load(tmp_path / "wrong")


def test_a_file_that_is_no_array_is_named(folder: Path) -> None:
    (folder / "track.artist.npy").chmod(0o644)
    spoil(folder, "track.artist", lambda rows: np.array(["x"] * len(rows)))
    with pytest.raises(GenerationCorrupt, match=r"track\.artist\.npy: cannot be read"):
        open_generation(folder)


def test_a_generation_without_what_files_say_opens_and_knows_nothing_of_them(folder: Path) -> None:
    assert not list(folder.glob("detail.*")), "no track has a value, as in every generation made before"
    opened = open_generation(folder).contents
    assert opened.details.at(2) == TrackFacts()
    assert opened.details.album_of(0) == ""


def described(home: Path) -> Path:
    """A generation in which one of three tracks says something."""
    two = MadeTrack(title="Two", id="t2", album="Álbum", credit="Ä feat. B", path="/m/2.ogg", length_ms=61_000)
    artists = (MadeArtist(id="a", name="A", tracks=(ONE, two)), MADE.artists[1])
    return write_generation(home, MadeCatalog(artists=artists))


def test_what_files_say_is_read_as_it_was_written(tmp_path: Path) -> None:
    details = open_generation(described(tmp_path)).contents.details
    said = TrackFacts(album="Álbum", credit="Ä feat. B", path="/m/2.ogg", length_ms=61_000)
    assert [details.at(row) for row in range(3)] == [TrackFacts(), said, TrackFacts()]
    assert not len(details.year), "no track has a year, so there is no column"
    assert details.without_paths().at(1) == said._replace(path="")


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("detail.length_ms", lambda lengths: lengths[:2], "has 2 entries, expected 3"),
        ("detail.album.offsets", lambda starts: starts[[0, 1, 3]], "has 2 entries, expected 3"),
        ("detail.path.offsets", put(1, 99), "ends before it starts"),
    ],
)
def test_a_column_of_what_files_say_that_does_not_fit_is_refused(
    tmp_path: Path, name: str, change: Callable[[Array], Array], problem: str
) -> None:
    folder = described(tmp_path)
    spoil(folder, name, change)
    with pytest.raises(GenerationCorrupt, match=problem):
        open_generation(folder)


def test_a_text_column_without_its_bytes_is_refused(tmp_path: Path) -> None:
    folder = described(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / "detail.album.utf8.npy").unlink()
    manifest["files"] = [entry for entry in manifest["files"] if entry["name"] != "detail.album.utf8.npy"]
    (folder / MANIFEST).write_text(json.dumps(with_sum(manifest)))
    with pytest.raises(GenerationCorrupt, match=r"detail\.album"):
        open_generation(folder)
