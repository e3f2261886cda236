"""A generation is opened as it was published, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from recommender.errors import GenerationCorrupt, Unavailable
from recommender.generation.lease import LEASE
from recommender.generation.manifest import Counts, with_sum
from recommender.generation.open_generation import (
    CURRENT,
    MANIFEST,
    index_file,
    open_current,
    open_generation,
    read_current,
    read_manifest,
)
from recommender.types import Vectors
from recommender.vectors import FaissIndex
from tests.factories import (
    MadeArtist,
    MadeCatalog,
    MadeCollaboration,
    MadeTrack,
    make_contents,
    point_to,
    write_generation,
)
from tests.faults.homes import reseal

MADE = MadeCatalog(
    artists=(
        MadeArtist(
            id="a",
            name="Ä",
            aliases=("AE",),
            external_ids={"mbid": "1"},
            genres={"techno": 1.0, "house": 0.5},
            tracks=(MadeTrack(title="One", id="t1", vectors={"low": [1, 0], "high": [0, 1]}),),
        ),
        MadeArtist(id="b", name="B", tracks=(MadeTrack(title="Two", id="t0"),)),
    ),
    scene={("a", "b"): 0.25},
    scene_listed=("a",),
    collaborations=(MadeCollaboration(a="b", b="a", similarity=0.5, title="Together"),),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_generation(tmp_path, MADE)


def test_contents_come_back_as_they_were_saved(folder: Path) -> None:
    loaded, made = open_generation(folder).contents, make_contents(MADE)
    assert list(loaded.artists.names) == ["Ä", "B"]
    assert list(loaded.artists.spellings) == list(made.artists.spellings)
    assert loaded.tracks.vector_row.tolist() == [-1, 0]
    assert loaded.relations.genre_weights.toarray().tolist() == made.relations.genre_weights.toarray().tolist()
    assert loaded.relations.scene_listed.tolist() == [True, False]
    assert loaded.relations.collaborations.toarray().tolist() == [[0, 0.5], [0.5, 0]]
    assert list(loaded.relations.events.titles) == ["Together"]


def test_vectors_come_back_by_layer(folder: Path) -> None:
    generation = open_generation(folder)
    np.testing.assert_array_equal(generation.tracks["low"].vectors(np.array([0])), [[1, 0]])
    np.testing.assert_array_equal(generation.artists["high"].vectors(np.array([0])), [[0, 1]])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_in_any_file_is_served(folder: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(p for p in folder.iterdir() if p.stat().st_size)))
    original = path.read_bytes()
    raw = bytearray(original)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    path.write_bytes(raw)
    try:
        with pytest.raises(GenerationCorrupt):
            open_current(folder.parent.parent)
    finally:
        path.write_bytes(original)


def test_a_file_the_manifest_does_not_list_is_refused(folder: Path) -> None:
    (folder / "surprise.npy").write_bytes(b"")
    with pytest.raises(GenerationCorrupt, match=r"surprise\.npy: is not listed"):
        open_generation(folder)


def test_a_file_that_is_missing_is_named(folder: Path) -> None:
    (folder / "L01.artists.faiss").unlink()
    with pytest.raises(GenerationCorrupt, match=r"L01\.artists\.faiss: is missing"):
        open_generation(folder)


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    """A bad sector is told by an OSError; so is a link to itself, which can be had without one."""
    file = folder / "L01.artists.faiss"
    file.unlink()
    file.symlink_to(file)
    with pytest.raises(GenerationCorrupt, match=r"L01\.artists\.faiss: cannot be read"):
        open_generation(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 99}', "null", '{"format": 1}', "\udcff", "[" * 100_000], ids=range(8)
)
def test_a_manifest_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(GenerationCorrupt, match="is not a manifest"):
        read_manifest(folder)


def test_a_manifest_cannot_point_outside_its_folder(folder: Path) -> None:
    data = json.loads((folder / MANIFEST).read_text())
    data["files"].append(data["files"][0] | {"name": "../../CURRENT"})
    (folder / MANIFEST).write_text(json.dumps(with_sum(data)))
    with pytest.raises(GenerationCorrupt, match=r"\.\./\.\./CURRENT: is missing"):
        open_generation(folder)


def test_no_fact_of_a_manifest_changes_unnoticed(folder: Path) -> None:
    """Not even before it is published, when nothing outside the folder confirms it."""
    whole = (folder / MANIFEST).read_bytes()
    draw = np.random.default_rng(0)
    for place in draw.permutation(len(whole))[:300].tolist():
        harmed = bytearray(whole)
        harmed[place] ^= 1 << int(draw.integers(8))
        (folder / MANIFEST).write_bytes(harmed)
        try:
            manifest, _ = read_manifest(folder)
        except GenerationCorrupt:
            continue
        assert manifest.to_json().encode() == whole, "only white space, of which nothing is read, may be another"


def test_nothing_published_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="soundkin scan, embed, build and publish"):
        open_current(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "[" * 100_000,
        '{"format": 1, "version": "1", "manifest_sha256": ""}',
        '{"format": 1, "version": 1e999, "manifest_sha256": ""}',
        '{"format": 1, "version": 1, "manifest_sha256": 5}',
        '{"format": 99, "version": 1, "manifest_sha256": ""}',
        '{"version": 1, "manifest_sha256": ""}',
    ],
    ids=range(10),
)
def test_a_pointer_that_is_none_is_refused(folder: Path, text: str) -> None:
    home = folder.parent.parent
    (home / CURRENT).write_text(text)
    with pytest.raises(GenerationCorrupt, match="cannot be understood"):
        open_current(home)


def test_a_pointer_to_a_version_that_is_gone_is_refused(folder: Path) -> None:
    folder.rename(folder.with_name("v00000009"))
    with pytest.raises(GenerationCorrupt, match="cannot be read"):
        open_current(folder.parent.parent)


def home_of(folder: Path) -> Path:
    return folder.parent.parent


def test_a_manifest_that_is_sound_but_not_the_one_current_names_is_refused(folder: Path) -> None:
    reseal(folder, use="commercial")
    assert open_generation(folder).manifest.use == "commercial", "it is a manifest, and its files are right"
    with pytest.raises(GenerationCorrupt, match=r"MANIFEST\.json: is not the one that was published"):
        open_current(home_of(folder))
    point_to(home_of(folder), 1)
    assert open_current(home_of(folder)).manifest.use == "commercial"


def test_a_pointer_with_another_digest_is_not_followed(folder: Path) -> None:
    home = home_of(folder)
    pointer = read_current(home)
    assert pointer is not None
    assert pointer.manifest_sha256 == read_manifest(folder)[1]
    for wrong in ("0" * 64, "", pointer.manifest_sha256[:-1], pointer.manifest_sha256.upper()):
        (home / CURRENT).write_text(structs.replace(pointer, manifest_sha256=wrong).to_json())
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
    wrong: Counts = structs.replace(counts, **{field: right + more})
    reseal(folder, counts=wrong)
    expected = MANIFEST if wrong.tracks_indexed == 0 else file
    with pytest.raises(GenerationCorrupt, match=expected.replace(".", r"\.")):
        open_generation(folder)


def test_an_index_of_another_type_than_the_manifest_says_is_refused(folder: Path) -> None:
    first, *rest = read_manifest(folder)[0].indexes
    reseal(folder, indexes=(structs.replace(first, factory="HNSW32"), *rest))
    with pytest.raises(GenerationCorrupt, match=r"1 vectors of 2 as Flat, the manifest says 1 of 2 as HNSW32"):
        open_generation(folder)
