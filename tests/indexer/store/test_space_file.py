"""SPACE.json says what the shards beside it are of; a change to it is noticed or there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import structs

from indexer.store.store import SPACE_FILE, keep_space, read_space, write_space
from recommender.errors import EmbeddingsCorrupt
from recommender.types import Space
from tests.factories import make_space

SPACE = structs.replace(make_space(), licence="CC-BY-NC-4.0", default_mix={"low": 1 / 3, "high": 2 / 3})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / SPACE.key
    path.mkdir()
    return path


def _write_as_the_first_release(folder: Path, space: Space = SPACE) -> bytes:
    raw = json.dumps(space.to_json(), indent=1).encode()
    (folder / SPACE_FILE).write_bytes(raw)
    return raw


def test_a_space_comes_back_as_it_was_and_is_plain_json(folder: Path) -> None:
    write_space(folder, SPACE)
    assert read_space(folder) == SPACE
    assert json.loads((folder / SPACE_FILE).read_bytes())["licence"] == "CC-BY-NC-4.0"


def test_no_bit_of_it_can_flip_unnoticed(folder: Path) -> None:
    write_space(folder, SPACE)
    path = folder / SPACE_FILE
    good = path.read_bytes()
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        with pytest.raises(EmbeddingsCorrupt):
            read_space(folder)


def test_no_part_of_it_can_be_missing_unnoticed(folder: Path) -> None:
    write_space(folder, SPACE)
    path = folder / SPACE_FILE
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(EmbeddingsCorrupt):
            read_space(folder)


def test_the_file_of_the_first_release_is_read_and_then_closed_with_a_checksum(folder: Path) -> None:
    old = _write_as_the_first_release(folder)
    assert read_space(folder) == SPACE
    keep_space(folder, SPACE)
    assert (folder / SPACE_FILE).read_bytes() != old
    assert read_space(folder) == SPACE


def test_in_a_file_without_a_checksum_the_folder_still_says_what_the_vectors_are(folder: Path) -> None:
    _write_as_the_first_release(folder, structs.replace(SPACE, revision="2"))
    with pytest.raises(EmbeddingsCorrupt, match="its folder is that of"):
        read_space(folder)


def test_the_latest_word_on_licence_and_mixes_is_kept_and_the_rest_left_alone(folder: Path) -> None:
    keep_space(folder, SPACE)
    first = (folder / SPACE_FILE).stat().st_ino
    keep_space(folder, SPACE)
    assert (folder / SPACE_FILE).stat().st_ino == first
    keep_space(folder, structs.replace(SPACE, licence="MIT", default_mix={"high": 1.0}))
    found = read_space(folder)
    assert (found.licence, found.default_mix) == ("MIT", {"high": 1.0})


@pytest.mark.parametrize("raw", [b"", b"[]", b'"x"', b"[" * 100_000, b"\xff\xfe", b'{"layers": [1], "aspects": []}'])
def test_what_is_no_space_is_named_and_says_what_to_do(folder: Path, raw: bytes) -> None:
    (folder / SPACE_FILE).write_bytes(raw)
    with pytest.raises(EmbeddingsCorrupt, match=r"SPACE\.json.*soundkin verify --quarantine"):
        read_space(folder)
