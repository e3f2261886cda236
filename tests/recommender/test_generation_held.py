"""What lies in a folder and is not what was published is refused, although every checksum is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import GenerationCorrupt
from recommender.generation.open_generation import CURRENT, MANIFEST, index_file, open_current, open_generation, read_current, read_manifest
from recommender.generation.lease import LEASE
from recommender.generation.manifest import Counts
from recommender.types import Vectors
from recommender.vectors import FaissIndex
from tests.factories import point_to, write_generation
from tests.faults.homes import reseal
from tests.recommender.test_generation import MADE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two artists and two tracks, one of each with vectors of two numbers."""
    return write_generation(tmp_path, MADE)


def home_of(folder: Path) -> Path:
    return folder.parent.parent


def test_a_manifest_that_is_sound_but_not_the_one_current_names_is_refused(folder: Path) -> None:
    reseal(folder, profile="commercial")
    assert open_generation(folder).manifest.profile == "commercial", "it is a manifest, and its files are right"
    with pytest.raises(GenerationCorrupt, match=r"MANIFEST\.json: is not the one that was published"):
        open_current(home_of(folder))
    point_to(home_of(folder), 1)
    assert open_current(home_of(folder)).manifest.profile == "commercial"


def test_a_pointer_with_another_digest_is_not_followed(folder: Path) -> None:
    home = home_of(folder)
    pointer = read_current(home)
    assert pointer is not None
    assert pointer.manifest_sha256 == read_manifest(folder)[1]
    for wrong in ("0" * 64, "", pointer.manifest_sha256[:-1], pointer.manifest_sha256.upper()):
        (home / CURRENT).write_text(replace(pointer, manifest_sha256=wrong).to_json())
        with pytest.raises(GenerationCorrupt, match="is not the one that was published"):
            open_current(home)


@pytest.mark.parametrize("content", [b"x", b"\n", b"\0"])
def test_a_lease_that_is_not_empty_is_refused(folder: Path, content: bytes) -> None:
    (folder / LEASE).write_bytes(content)
    with pytest.raises(GenerationCorrupt, match=r"v00000001.*LEASE: is not empty"):
        open_generation(folder)
    (folder / LEASE).write_bytes(b"")
    assert open_generation(folder).manifest.version == 1


def test_a_generation_of_the_first_release_without_a_lease_is_opened(folder: Path) -> None:
    (folder / LEASE).unlink()
    assert open_generation(folder).manifest.version == 1


Harm = Callable[[Path], None]


def rows(name: str, *numbers: int) -> Harm:
    """Another column of rows of an index."""
    return lambda folder: np.save(folder / f"{name}.vector_row.npy", np.array(numbers, dtype=np.int64))


def index(name: str, vectors: Vectors) -> Harm:
    """Another index."""
    return lambda folder: FaissIndex.write(folder / name, vectors)


TWO = np.eye(2, dtype=np.float32)
WIDE = np.eye(1, 3, dtype=np.float32)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (rows("artist", 0, 1), r"artist\.vector_row\.npy: has 2 ids, 2 of them with vectors; the manifest says 2, 1"),
        (rows("artist", -1, -1), r"artist\.vector_row\.npy: has 2 ids, 0 of them with vectors; the manifest says 2, 1"),
        (rows("artist", 1, -1), r"artist\.vector_row\.npy"),
        (rows("track", 0, 1), r"track\.vector_row\.npy: has 2 ids, 2 of them with vectors; the manifest says 2, 1"),
        (rows("track", -1, 7), r"track\.vector_row\.npy"),
        (index(index_file(0, "tracks"), TWO), r"L00\.tracks\.faiss: holds 2 vectors of 2 .* the manifest says 1 of 2"),
        (index(index_file(1, "artists"), TWO), r"L01\.artists\.faiss: holds 2 vectors of 2 .* manifest says 1 of 2"),
        (index(index_file(1, "tracks"), TWO[:0]), r"L01\.tracks\.faiss: holds 0 vectors of 2 .* manifest says 1 of 2"),
        (index(index_file(0, "artists"), WIDE), r"L00\.artists\.faiss: holds 1 vectors of 3 .* manifest says 1 of 2"),
    ],
    ids=[
        "more artists",
        "no artist",
        "another artist",
        "more tracks",
        "a track that is not there",
        "more tracks in an index",
        "more artists in an index",
        "an empty index",
        "an index of another space",
    ],
)
def test_rows_or_an_index_that_do_not_fit_the_manifest_are_refused(folder: Path, harm: Harm, said: str) -> None:
    harm(folder)
    reseal(folder)
    with pytest.raises(GenerationCorrupt, match=said):
        open_generation(folder)


@pytest.mark.parametrize(
    ("field", "file"),
    [
        ("artists", "artist.vector_row.npy"),
        ("artists_indexed", "L00.artists.faiss"),
        ("tracks", "track.vector_row.npy"),
        ("tracks_indexed", "L00.tracks.faiss"),
    ],
)
@pytest.mark.parametrize("more", [-1, 1])
def test_a_manifest_that_counts_one_more_or_less_than_there_is_is_refused(
    folder: Path, field: str, file: str, more: int
) -> None:
    counts = read_manifest(folder)[0].counts
    right: int = getattr(counts, field)
    wrong: Counts = replace(counts, **{field: right + more})
    reseal(folder, counts=wrong)
    expected = MANIFEST if wrong.tracks_indexed == 0 else file
    with pytest.raises(GenerationCorrupt, match=expected.replace(".", r"\.")):
        open_generation(folder)


def test_an_index_of_another_type_than_the_manifest_says_is_refused(folder: Path) -> None:
    first, *rest = read_manifest(folder)[0].indexes
    reseal(folder, indexes=(replace(first, factory="HNSW32"), *rest))
    with pytest.raises(GenerationCorrupt, match=r"1 vectors of 2 as Flat, the manifest says 1 of 2 as HNSW32"):
        open_generation(folder)
