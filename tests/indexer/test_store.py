"""The embedding store across runs and shards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexer.store import SPACE_FILE, EmbeddingStore, find_space, spaces
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
    store.append(_ids(1, 2), first)
    store.append(_ids(3, 4, 5), second)
    again = EmbeddingStore(tmp_path, SPACE)
    assert again.clip_ids == frozenset(_ids(1, 2, 3, 4, 5))
    np.testing.assert_array_equal(again.layer(1, _ids(5, 1, 3)), [second[2, 1], first[0, 1], second[0, 1]])


def test_shards_never_reuse_a_name(tmp_path: Path) -> None:
    for run in range(3):
        EmbeddingStore(tmp_path, SPACE).append(_ids(run), _embeddings(1, run))
    names = sorted(path.name for path in (tmp_path / "embeddings" / SPACE.key).glob("*.shard"))
    assert names == ["00000001.shard", "00000002.shard", "00000003.shard"]


def test_vectors_of_another_shape_never_get_in(tmp_path: Path) -> None:
    with pytest.raises(SpaceMismatch):
        EmbeddingStore(tmp_path, SPACE).append(_ids(1), np.ones((1, 1, SPACE.dim), dtype=np.float32))


def test_a_folder_that_says_another_space_is_refused(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPACE)
    path = store.folder / SPACE_FILE
    path.write_text(path.read_text().replace(f'"dim": {SPACE.dim}', '"dim": 99'))
    with pytest.raises(SpaceMismatch):
        EmbeddingStore(tmp_path, SPACE)


def test_a_clip_that_was_never_embedded_is_an_error_and_not_another_row(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPACE)
    store.append(_ids(1), _embeddings(1, 1))
    with pytest.raises(EmbeddingsCorrupt, match="no embedding of clip"):
        store.layer(0, _ids(1, 2))


def test_a_corrupt_shard_is_named(tmp_path: Path) -> None:
    EmbeddingStore(tmp_path, SPACE).append(_ids(1), _embeddings(1, 1))
    path = tmp_path / "embeddings" / SPACE.key / "00000001.shard"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(EmbeddingsCorrupt, match=r"00000001\.shard"):
        EmbeddingStore(tmp_path, SPACE)


def _stored(home: Path, *, name: str, revision: str) -> Space:
    space = replace(SPACE, name=name, revision=revision)
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
