"""A sealed shard gives back what went in, and nothing that was altered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.shard import open_shard, seal
from recommender.errors import EmbeddingsCorrupt, InvalidArgument
from recommender.types import ClipEmbeddings

IDS = tuple(f"{number:032x}" for number in (3, 1, 2))


def _embeddings(clips: int = 3, layers: int = 2, dim: int = 5) -> ClipEmbeddings:
    return np.random.default_rng(0).normal(size=(clips, layers, dim)).astype(np.float32)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    path = tmp_path / "00000001.shard"
    seal(path, fingerprint="abc", clip_ids=IDS, embeddings=_embeddings())
    return path


def _read_all(path: Path) -> None:
    shard = open_shard(path, fingerprint="abc")
    for layer in range(shard.layers):
        shard.layer(layer)


def test_every_layer_comes_back_to_the_bit(sealed: Path) -> None:
    shard = open_shard(sealed, fingerprint="abc")
    assert shard.clip_ids == IDS
    for layer in range(2):
        np.testing.assert_array_equal(shard.layer(layer), _embeddings()[:, layer])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_goes_unnoticed(sealed: Path, tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(sealed.read_bytes())
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    path = tmp_path / "flipped.shard"
    path.write_bytes(raw)
    with pytest.raises(EmbeddingsCorrupt):
        _read_all(path)


def test_no_length_but_its_own_is_accepted(sealed: Path, tmp_path: Path) -> None:
    raw = sealed.read_bytes()
    path = tmp_path / "cut.shard"
    for length in (*range(len(raw)), len(raw) + 1):
        path.write_bytes((raw + b"\0")[:length])
        with pytest.raises(EmbeddingsCorrupt):
            open_shard(path, fingerprint="abc")


def test_a_shard_of_another_space_is_refused(sealed: Path) -> None:
    with pytest.raises(EmbeddingsCorrupt, match="space abc, expected xyz"):
        open_shard(sealed, fingerprint="xyz")


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_a_vector_without_direction_is_never_sealed(tmp_path: Path, value: float) -> None:
    embeddings = _embeddings()
    embeddings[1, 1] = value
    with pytest.raises(InvalidArgument):
        seal(tmp_path / "x.shard", fingerprint="abc", clip_ids=IDS, embeddings=embeddings)
    assert list(tmp_path.iterdir()) == []


def test_counts_that_differ_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        seal(tmp_path / "x.shard", fingerprint="abc", clip_ids=IDS[:2], embeddings=_embeddings())
