"""The embedding store across runs and shards."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from indexer.store.shard import Stored
from indexer.store.store import SPACE_FILE, EmbeddingStore, find_space, keep_space, read_space, spaces, write_space
from recommender.errors import EmbeddingsCorrupt, InvalidArgument, NotFound, SpaceMismatch
from recommender.types import ClipEmbeddings, Space
from tests.factories import make_space

SPACE = make_space()


def _ids(*numbers: int) -> list[str]:
    return [f"{number:032x}" for number in numbers]


def _embeddings(clips: int, seed: int) -> ClipEmbeddings:
    shape = (clips, len(SPACE.layers), SPACE.dim)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_layers_are_read_across_shards_in_the_order_asked(tmp_path: Path) -> None:
    first, second = _embeddings(2, 1), _embeddings(3, 2)
    store = EmbeddingStore(tmp_path, SPACE)
    store.append(_ids(1, 2), first, space=SPACE)
    store.append(_ids(3, 4, 5), second, space=SPACE)
    again = EmbeddingStore(tmp_path, SPACE)
    assert again.clip_ids == frozenset(_ids(1, 2, 3, 4, 5))
    np.testing.assert_array_equal(again.layer(1, _ids(5, 1, 3)), [second[2, 1], first[0, 1], second[0, 1]])


def test_shards_never_reuse_a_name(tmp_path: Path) -> None:
    for run in range(3):
        EmbeddingStore(tmp_path, SPACE).append(_ids(run), _embeddings(1, run), space=SPACE)
    names = sorted(path.name for path in (tmp_path / "embeddings" / SPACE.key).glob("*.shard"))
    assert names == ["00000001.shard", "00000002.shard", "00000003.shard"]


def test_vectors_of_another_shape_never_get_in(tmp_path: Path) -> None:
    with pytest.raises(SpaceMismatch):
        EmbeddingStore(tmp_path, SPACE).append(_ids(1), np.ones((1, 1, SPACE.dim), dtype=np.float32), space=SPACE)


def test_vectors_of_another_space_of_the_same_shape_never_get_in(tmp_path: Path) -> None:
    store, other = EmbeddingStore(tmp_path, SPACE), structs.replace(SPACE, revision="2")
    with pytest.raises(SpaceMismatch, match=f"expected {SPACE.key}, found {other.key}"):
        store.append(_ids(1), _embeddings(1, 1), space=other)
    assert list(store.folder.glob("*.shard*")) == []
    assert store.clip_ids == EmbeddingStore(tmp_path, SPACE).clip_ids == frozenset()


def test_a_folder_that_says_another_space_is_refused(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPACE)
    write_space(store.folder, structs.replace(SPACE, dim=99))
    with pytest.raises(EmbeddingsCorrupt, match="its folder is that of"):
        EmbeddingStore(tmp_path, SPACE)


def test_a_shard_of_another_space_in_the_folder_stops_everything(tmp_path: Path) -> None:
    other = EmbeddingStore(tmp_path, structs.replace(SPACE, revision="2"))
    other.append(_ids(1), _embeddings(1, 1), space=other.space)
    store = EmbeddingStore(tmp_path, SPACE)
    shutil.copy(other.folder / "00000001.shard", store.folder)
    with pytest.raises(EmbeddingsCorrupt, match=f"is of space {other.space.fingerprint}"):
        EmbeddingStore(tmp_path, SPACE)


def test_a_clip_that_was_never_embedded_is_an_error_and_not_another_row(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPACE)
    with pytest.raises(NotFound, match=r"no embedding of clip '0+2'"):
        store.layer(0, _ids(2))
    store.append(_ids(1, 3), _embeddings(2, 1), space=SPACE)
    for absent in (0, 2, 4):
        with pytest.raises(NotFound, match=f"no embedding of clip '0+{absent}'; run soundkin embed"):
            store.layer(0, _ids(1, absent, 3))


def test_a_layer_of_no_clips_is_empty(tmp_path: Path) -> None:
    assert EmbeddingStore(tmp_path, SPACE).layer(0, []).shape == (0, SPACE.dim)


def test_a_store_of_both_types_gives_float32_of_all_clips(tmp_path: Path) -> None:
    first, second = _embeddings(2, 1), _embeddings(2, 2)
    EmbeddingStore(tmp_path, SPACE, stored=Stored.FP16).append(_ids(4, 2), first, space=SPACE)
    EmbeddingStore(tmp_path, SPACE, stored=Stored.FP32).append(_ids(1, 3), second, space=SPACE)
    found = EmbeddingStore(tmp_path, SPACE).layer(1, _ids(1, 2, 3, 4))
    rounded = first.astype(np.float16).astype(np.float32)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [second[0, 1], rounded[1, 1], second[1, 1], rounded[0, 1]])


def test_of_a_clip_that_was_sealed_twice_the_later_embedding_counts(tmp_path: Path) -> None:
    first, second = _embeddings(2, 1), _embeddings(1, 2)
    store = EmbeddingStore(tmp_path, SPACE)
    store.append(_ids(1, 2), first, space=SPACE)
    store.append(_ids(1), second, space=SPACE)
    np.testing.assert_array_equal(store.layer(0, _ids(1, 2)), [second[0, 0], first[1, 0]])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=40, unique=True), st.randoms())
def test_ids_of_any_bytes_are_found_in_any_order(keys: list[bytes], shuffling: random.Random) -> None:
    """Zeros at the end of an id among them, which numpy does not show."""
    ids = [(key[:-2] + b"\0\0" if number % 3 == 0 else key).hex() for number, key in enumerate(keys)]
    ids = list(dict.fromkeys(ids))
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddingStore(Path(folder), SPACE)
        values = _embeddings(len(ids), 3)
        cut = len(ids) // 2
        for part in (slice(0, cut), slice(cut, None)):
            if ids[part]:
                store.append(ids[part], values[part], space=SPACE)
        rows = shuffling.sample(range(len(ids)), len(ids))
        assert store.clip_ids == frozenset(ids)
        np.testing.assert_array_equal(store.layer(0, [ids[row] for row in rows]), values[rows, 0])


def test_a_store_that_was_opened_before_another_sealed_writes_over_nothing(tmp_path: Path) -> None:
    early, late = EmbeddingStore(tmp_path, SPACE), EmbeddingStore(tmp_path, SPACE)
    late.append(_ids(1), _embeddings(1, 1), space=SPACE)
    early.append(_ids(2), _embeddings(1, 2), space=SPACE)
    assert EmbeddingStore(tmp_path, SPACE).clip_ids == frozenset(_ids(1, 2))
    early.refresh()
    assert early.clip_ids == frozenset(_ids(1, 2))


def test_the_checksum_of_a_shard_is_the_one_it_ends_with(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPACE)
    store.append(_ids(1), _embeddings(1, 1), space=SPACE)
    raw = (store.folder / "00000001.shard").read_bytes()
    assert store.shard_checksums == {"00000001.shard": raw[-16:].hex()}


@pytest.mark.parametrize(("value", "stored"), [(1.0, Stored.FP16), (1e6, Stored.FP32), (1e-9, Stored.FP32)])
def test_a_vector_that_its_type_can_hold_meets_no_objection(tmp_path: Path, value: float, stored: Stored) -> None:
    vectors = np.full((len(SPACE.layers), SPACE.dim), value, dtype=np.float32)
    assert EmbeddingStore(tmp_path, SPACE, stored=stored).storage_error(vectors) is None


@pytest.mark.parametrize("value", [1e6, 1e-9, 7e-8])
def test_a_vector_that_fp16_would_spoil_is_objected_to_with_the_cure(tmp_path: Path, value: float) -> None:
    vectors = np.ones((len(SPACE.layers), SPACE.dim), dtype=np.float32)
    vectors[1] = value
    objection = EmbeddingStore(tmp_path, SPACE, stored=Stored.FP16).storage_error(vectors)
    assert objection is not None
    assert objection.reason == "lost_in_store"
    assert "fp16 cannot hold layer high of it; run soundkin embed --store fp32" in objection.detail


def test_a_corrupt_shard_is_named(tmp_path: Path) -> None:
    EmbeddingStore(tmp_path, SPACE).append(_ids(1), _embeddings(1, 1), space=SPACE)
    path = tmp_path / "embeddings" / SPACE.key / "00000001.shard"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(EmbeddingsCorrupt, match=r"00000001\.shard"):
        EmbeddingStore(tmp_path, SPACE)


def _stored(home: Path, *, name: str, revision: str) -> Space:
    space = structs.replace(SPACE, name=name, revision=revision)
    EmbeddingStore(home, space)
    return space


def test_the_only_space_of_a_name_is_found_without_its_key(tmp_path: Path) -> None:
    wanted, other = _stored(tmp_path, name="a", revision="1"), _stored(tmp_path, name="b", revision="1")
    assert sorted(space.key for space in spaces(tmp_path)) == sorted([wanted.key, other.key])
    assert find_space(tmp_path, name="a") == wanted
    assert find_space(tmp_path, name="a", key=other.key) == other


def test_one_of_several_spaces_is_chosen_by_its_key(tmp_path: Path) -> None:
    first, second = _stored(tmp_path, name="a", revision="1"), _stored(tmp_path, name="a", revision="2")
    with pytest.raises(InvalidArgument, match="--space KEY") as caught:
        find_space(tmp_path, name="a")
    assert first.key in str(caught.value)
    assert second.key in str(caught.value)
    assert find_space(tmp_path, name="a", key=second.key) == second


def test_a_space_that_was_never_embedded_is_not_found(tmp_path: Path) -> None:
    assert spaces(tmp_path) == ()
    with pytest.raises(NotFound, match="embedded so far: nothing"):
        find_space(tmp_path, name="a")
    stored = _stored(tmp_path, name="a", revision="1")
    with pytest.raises(NotFound, match=stored.key):
        find_space(tmp_path, name="b")


FILE_SPACE = structs.replace(make_space(), licence="CC-BY-NC-4.0", default_mix={"low": 1 / 3, "high": 2 / 3})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / FILE_SPACE.key
    path.mkdir()
    return path


def _write_as_the_first_release(folder: Path, space: Space = FILE_SPACE) -> bytes:
    raw = json.dumps(space.to_json(), indent=1).encode()
    (folder / SPACE_FILE).write_bytes(raw)
    return raw


def test_a_space_comes_back_as_it_was_and_is_plain_json(folder: Path) -> None:
    write_space(folder, FILE_SPACE)
    assert read_space(folder) == FILE_SPACE
    assert json.loads((folder / SPACE_FILE).read_bytes())["licence"] == "CC-BY-NC-4.0"


def test_no_bit_of_it_can_flip_unnoticed(folder: Path) -> None:
    write_space(folder, FILE_SPACE)
    path = folder / SPACE_FILE
    good = path.read_bytes()
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        with pytest.raises(EmbeddingsCorrupt):
            read_space(folder)


def test_no_part_of_it_can_be_missing_unnoticed(folder: Path) -> None:
    write_space(folder, FILE_SPACE)
    path = folder / SPACE_FILE
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(EmbeddingsCorrupt):
            read_space(folder)


def test_the_file_of_the_first_release_is_read_and_then_closed_with_a_checksum(folder: Path) -> None:
    old = _write_as_the_first_release(folder)
    assert read_space(folder) == FILE_SPACE
    keep_space(folder, FILE_SPACE)
    assert (folder / SPACE_FILE).read_bytes() != old
    assert read_space(folder) == FILE_SPACE


def test_in_a_file_without_a_checksum_the_folder_still_says_what_the_vectors_are(folder: Path) -> None:
    _write_as_the_first_release(folder, structs.replace(FILE_SPACE, revision="2"))
    with pytest.raises(EmbeddingsCorrupt, match="its folder is that of"):
        read_space(folder)


def test_the_latest_word_on_licence_and_mixes_is_kept_and_the_rest_left_alone(folder: Path) -> None:
    keep_space(folder, FILE_SPACE)
    first = (folder / SPACE_FILE).stat().st_ino
    keep_space(folder, FILE_SPACE)
    assert (folder / SPACE_FILE).stat().st_ino == first
    keep_space(folder, structs.replace(FILE_SPACE, licence="MIT", default_mix={"high": 1.0}))
    found = read_space(folder)
    assert (found.licence, found.default_mix) == ("MIT", {"high": 1.0})


@pytest.mark.parametrize("raw", [b"", b"[]", b'"x"', b"[" * 100_000, b"\xff\xfe", b'{"layers": [1], "aspects": []}'])
def test_what_is_no_space_is_named_and_says_what_to_do(folder: Path, raw: bytes) -> None:
    (folder / SPACE_FILE).write_bytes(raw)
    with pytest.raises(EmbeddingsCorrupt, match=r"SPACE\.json.*soundkin verify --quarantine"):
        read_space(folder)
