"""A sealed shard gives back what went in, and nothing that was altered."""

from __future__ import annotations

import json
import resource
import struct
from pathlib import Path

import numpy as np
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.store.shard import MAGIC, MAX_HEADER, Stored, open_shard, seal
from recommender.errors import EmbeddingsCorrupt, InvalidArgument
from recommender.types import ClipEmbeddings
from tests.indexer.store import golden_shards

IDS = tuple(f"{number:032x}" for number in (3, 1, 2))
GOLDEN = sorted(golden_shards.FOLDER.glob("*.shard"))


def _embeddings(clips: int = 3, layers: int = 2, dim: int = 5) -> ClipEmbeddings:
    return np.random.default_rng(0).normal(size=(clips, layers, dim)).astype(np.float32)


def _seal(path: Path, stored: Stored = Stored.FP32, embeddings: ClipEmbeddings | None = None) -> Path:
    values = _embeddings() if embeddings is None else embeddings
    seal(path, fingerprint="abc", clip_ids=IDS, embeddings=values, stored=stored)
    return path


@pytest.fixture(params=Stored)
def stored(request: pytest.FixtureRequest) -> Stored:
    chosen: Stored = request.param
    return chosen


@pytest.fixture
def sealed(tmp_path: Path, stored: Stored) -> Path:
    return _seal(tmp_path / "00000001.shard", stored)


def _read_all(path: Path) -> None:
    shard = open_shard(path, fingerprint="abc")
    for layer in range(shard.layers):
        shard.layer(layer)


def test_every_layer_comes_back_as_it_was_rounded_to_its_type(sealed: Path, stored: Stored) -> None:
    shard = open_shard(sealed, fingerprint="abc")
    assert (shard.clip_ids, shard.stored) == (IDS, stored)
    rounded = _embeddings().astype({Stored.FP32: np.float32, Stored.FP16: np.float16}[stored])
    for layer in range(2):
        found = shard.layer(layer)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, rounded[:, layer])


def test_fp16_takes_half_the_room(tmp_path: Path) -> None:
    values = np.ones((3, 4, 500), dtype=np.float32)
    sizes = [_seal(tmp_path / f"{kind.value}.shard", kind, values).stat().st_size for kind in Stored]
    assert sizes[0] - sizes[1] == 3 * 4 * 500 * 2


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


def test_a_shard_that_changes_after_it_was_opened_is_noticed_at_the_next_reading(sealed: Path) -> None:
    shard = open_shard(sealed, fingerprint="abc")
    raw = bytearray(sealed.read_bytes())
    raw[shard.body_at] ^= 1
    sealed.write_bytes(raw)
    with pytest.raises(EmbeddingsCorrupt, match="layer 0 does not have its checksum"):
        shard.layer(0)
    sealed.unlink()
    with pytest.raises(EmbeddingsCorrupt, match="cannot be read"):
        shard.layer(1)


def test_a_layer_that_is_not_there_is_no_other_layer(sealed: Path) -> None:
    for layer in (-1, 2):
        with pytest.raises(InvalidArgument, match="not among the 2"):
            open_shard(sealed, fingerprint="abc").layer(layer)


def test_a_shard_of_another_space_is_refused(sealed: Path) -> None:
    with pytest.raises(EmbeddingsCorrupt, match="space abc, expected xyz"):
        open_shard(sealed, fingerprint="xyz")


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_a_vector_without_direction_is_never_sealed(tmp_path: Path, stored: Stored, value: float) -> None:
    embeddings = _embeddings()
    embeddings[1, 1] = value
    with pytest.raises(InvalidArgument):
        _seal(tmp_path / "x.shard", stored, embeddings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [65520.0, 2e-8])
def test_what_fp16_cannot_hold_is_sealed_in_fp32_only(tmp_path: Path, value: float) -> None:
    embeddings = _embeddings()
    embeddings[1, 1] = value
    with pytest.raises(InvalidArgument, match="lost in fp16"):
        _seal(tmp_path / "x.shard", Stored.FP16, embeddings)
    assert list(tmp_path.iterdir()) == []
    _seal(tmp_path / "x.shard", Stored.FP32, embeddings)


@pytest.mark.parametrize("ids", [IDS[:2], (IDS[0], IDS[0], IDS[1]), (*IDS[:2], "5"), (*IDS[:2], "x" * 32)])
def test_every_embedding_has_one_id_of_its_own(tmp_path: Path, ids: tuple[str, ...]) -> None:
    with pytest.raises(InvalidArgument):
        seal(tmp_path / "x.shard", fingerprint="abc", clip_ids=ids, embeddings=_embeddings())
    assert list(tmp_path.iterdir()) == []


FACTS = {"space": "abc", "clips": 3, "layers": 2, "dim": 5, "type": "fp32"}


def _write_claiming(path: Path, text: bytes, *, length: int | None = None) -> None:
    """A shard with any header at all, and checksums that fit it."""
    header = MAGIC + struct.pack("<I", len(text) if length is None else length) + text
    keys, blocks = bytes(48), [bytes(60), bytes(60)]
    sums = b"".join(xxhash.xxh3_128_digest(block) for block in blocks)
    path.write_bytes(header + b"".join(blocks) + keys + sums + xxhash.xxh3_128_digest(header + keys + sums))


def test_the_headers_that_are_made_up_below_are_read_when_they_tell_the_truth(tmp_path: Path) -> None:
    _write_claiming(tmp_path / "true.shard", json.dumps(FACTS).encode())
    assert open_shard(tmp_path / "true.shard", fingerprint="abc").clips == 3


@pytest.mark.parametrize(
    "lie",
    [
        {"clips": 1 << 40},
        {"dim": 1 << 62, "layers": 1 << 62},
        {"clips": -3, "layers": -2},
        {"clips": 0},
        {"clips": 3.0},
        {"layers": True},
        {"clips": "3"},
        {"type": "fp64"},
        {"type": ["fp32"]},
        {"clips": None},
    ],
)
def test_a_header_that_lies_is_refused_before_anything_is_reserved_for_it(
    tmp_path: Path, lie: dict[str, object]
) -> None:
    path = tmp_path / "lying.shard"
    _write_claiming(path, json.dumps(FACTS | lie).encode())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(EmbeddingsCorrupt):
        open_shard(path, fingerprint="abc")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


@pytest.mark.parametrize("text", [b"[" * 4000, b"{}", b"3", b"\xff", b"", b'{"clips": ' + b"9" * 4050 + b"}"])
def test_a_header_that_is_no_header_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "odd.shard"
    _write_claiming(path, text)
    with pytest.raises(EmbeddingsCorrupt, match="cannot be read"):
        open_shard(path, fingerprint="abc")


def test_a_header_has_a_length_that_is_never_passed(tmp_path: Path) -> None:
    path = tmp_path / "long.shard"
    for length in (MAX_HEADER + 1, (1 << 32) - 1):
        _write_claiming(path, json.dumps(FACTS).encode(), length=length)
        with pytest.raises(EmbeddingsCorrupt, match="4096 is the limit"):
            open_shard(path, fingerprint="abc")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_shards_of_every_release_are_read_for_ever(path: Path) -> None:
    shard = open_shard(path, fingerprint=golden_shards.FINGERPRINT)
    assert shard.clip_ids == golden_shards.CLIP_IDS
    layers = np.stack([shard.layer(layer) for layer in range(shard.layers)], axis=1)
    np.testing.assert_array_equal(layers, golden_shards.golden_embeddings())


def test_what_is_sealed_today_is_what_was_committed(tmp_path: Path) -> None:
    golden_shards.seal_all(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.stem for path in GOLDEN} == {"release-0.1", "fp32", "fp16"}
    assert made == {name: (golden_shards.FOLDER / name).read_bytes() for name in made}
