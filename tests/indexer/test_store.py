"""The embedding store across runs and shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.store import SPACE_FILE, EmbeddingStore
from recommender.errors import EmbeddingsCorrupt, SpaceMismatch
from recommender.types import ClipEmbeddings
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
