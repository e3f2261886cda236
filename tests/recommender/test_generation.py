"""A generation is opened as it was published, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.errors import GenerationCorrupt, Unavailable
from recommender.generation.manifest import with_sum
from recommender.generation.open_generation import CURRENT, MANIFEST, open_current, open_generation, read_manifest
from tests.factories import MadeArtist, MadeCatalogue, MadeCollaboration, MadeTrack, make_contents, write_generation

MADE = MadeCatalogue(
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
