"""A checkpoint that is not exactly whole is refused, and the refusal names the tensor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch
from safetensors.torch import save_file

from indexer.encoders.mert.config import OTHER_SPELLINGS, POS_DIRECTION, POS_GAIN, expected_shapes
from indexer.encoders.mert.models import SPECS
from indexer.encoders.mert.random_checkpoint import random_tensors
from indexer.encoders.mert.weights import file_sha256, open_weights
from recommender.errors import WeightsRefused
from tests.indexer.encoders.mert import tiny

Tensors: TypeAlias = dict[str, torch.Tensor]
QUERY = "encoder.layers.1.attention.q_proj.weight"
NEWER = {ours: theirs for theirs, ours in OTHER_SPELLINGS.items()}


def written(folder: Path, tensors: Tensors) -> Path:
    path = folder / "model.safetensors"
    save_file(tensors, path, metadata={"format": "pt"})
    return path


def whole() -> Tensors:
    return dict(random_tensors(tiny.POST_NORM, seed=1))


def without(name: str) -> Tensors:
    return {other: tensor for other, tensor in whole().items() if other != name}


def spoilt(value: float) -> Tensors:
    tensors = whole()
    tensors[QUERY][3, 4] = value
    return tensors


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: without(QUERY), f"missing tensor: {QUERY}$"),
        (lambda: whole() | {"lm_head.weight": torch.zeros(2)}, "unexpected tensor: lm_head.weight$"),
        (
            lambda: without(QUERY) | {"encoder.layers.1.attention.q_prj.weight": whole()[QUERY]},
            f"missing tensor: {QUERY}; unexpected tensor: encoder.layers.1.attention.q_prj.weight$",
        ),
        (
            lambda: {f"mert.{name}": tensor for name, tensor in whole().items()},
            "unexpected tensors: mert.* and 62 more$",
        ),
        (lambda: without("masked_spec_embed"), "missing tensor: masked_spec_embed$"),
        (lambda: whole() | {NEWER[POS_GAIN]: whole()[POS_GAIN].clone()}, f"duplicate tensor: {POS_GAIN}$"),
        (lambda: whole() | {QUERY: torch.zeros(48, 47)}, rf"tensor {QUERY} is \[48, 47\], not \[48, 48\]$"),
        (lambda: whole() | {QUERY: whole()[QUERY].long()}, f"tensor {QUERY} is of type I64, not of floats$"),
        (lambda: spoilt(float("nan")), f"tensor {QUERY} has values that are not finite$"),
        (lambda: spoilt(float("inf")), f"tensor {QUERY} has values that are not finite$"),
    ],
    ids=["missing", "extra", "misspelt", "prefixed", "unused", "both spellings", "shape", "type", "nan", "inf"],
)
def test_a_checkpoint_that_is_not_exactly_whole_is_refused(
    tmp_path: Path, make: Callable[[], Tensors], problem: str
) -> None:
    path = written(tmp_path, make())
    with pytest.raises(WeightsRefused) as refused:
        open_weights(path, tiny.POST_NORM)
    assert refused.value.file == str(path)
    refused.match(problem.replace("$", ";"))


def test_a_name_listed_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, whole())
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = raw[8 : 8 + length].rstrip()
    entry = json.dumps({QUERY: json.loads(header)[QUERY]})[1:]
    longer = header[:-1] + b"," + entry.encode()
    path.write_bytes(len(longer).to_bytes(8, "little") + longer + raw[8 + length :])
    with pytest.raises(WeightsRefused, match=f"duplicate tensor: {QUERY}"):
        open_weights(path, tiny.POST_NORM)


@pytest.mark.parametrize("keep", [0, 5, 100, 5_000, -4])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path, whole())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsRefused, match=r"is no safetensors file|cannot be read"):
        open_weights(path, tiny.POST_NORM)


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(200), b"\x80\x02}q\x00." + bytes(200), b"fairseq" * 9])
def test_a_pickle_is_refused_with_the_way_to_convert_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsRefused, match=r"soundkin encoder convert FOLDER"):
        open_weights(path, tiny.POST_NORM)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsRefused, match="No such file"):
        open_weights(tmp_path / "model.safetensors", tiny.POST_NORM)


def test_one_flipped_bit_is_refused_when_the_digest_is_pinned(tmp_path: Path) -> None:
    path = written(tmp_path, whole())
    pinned = hashlib.sha256(path.read_bytes()).hexdigest()
    assert open_weights(path, tiny.POST_NORM, sha256=pinned.upper()).sha256 == pinned == file_sha256(path)
    raw = bytearray(path.read_bytes())
    raw[-2] ^= 1
    path.write_bytes(raw)
    assert open_weights(path, tiny.POST_NORM).sha256 != pinned
    with pytest.raises(WeightsRefused, match=f"not the {pinned} that is pinned"):
        open_weights(path, tiny.POST_NORM, sha256=pinned)


def test_both_spellings_of_the_positional_convolution_give_the_same_network(tmp_path: Path) -> None:
    newer = {NEWER.get(name, name): tensor for name, tensor in whole().items()}
    assert set(NEWER.values()) <= set(newer)
    old, new = (tmp_path / name for name in ("old", "new"))
    for folder, tensors in ((old, whole()), (new, newer)):
        folder.mkdir()
        written(folder, tensors)
    clips, lengths = tiny.batch([tiny.sound(9_000)])
    means = [tiny.network(folder, tiny.POST_NORM).means(clips, lengths) for folder in (old, new)]
    assert torch.equal(*means)


def test_a_positional_convolution_left_at_random_would_be_noticed(tmp_path: Path) -> None:
    other = random_tensors(tiny.POST_NORM, seed=2)[POS_DIRECTION]
    clips, lengths = tiny.batch([tiny.sound(9_000)])
    right = tiny.network(tiny.checkpoint(tmp_path / "a", tiny.POST_NORM), tiny.POST_NORM).means(clips, lengths)
    changed = {POS_DIRECTION.replace(".", "__"): other}
    wrong = tiny.network(tiny.checkpoint(tmp_path / "b", tiny.POST_NORM, **changed), tiny.POST_NORM)
    assert min(map(tiny.difference, wrong.means(clips, lengths)[0], right[0])) > 0.01


def test_tensors_stored_in_half_precision_are_read_as_float32(tmp_path: Path) -> None:
    weights = open_weights(written(tmp_path, {k: v.half() for k, v in whole().items()}), tiny.POST_NORM)
    assert weights[QUERY].dtype is torch.float32
    assert torch.equal(weights[QUERY], whole()[QUERY].half().float())


@pytest.mark.parametrize(
    ("model", "tensors", "millions"), [("mert-v1-95m", 211, 94.372), ("mert-v1-330m", 403, 315.429)]
)
def test_the_published_models_have_the_tensors_and_parameters_that_are_known_of_them(
    model: str, tensors: int, millions: float
) -> None:
    shapes = expected_shapes(SPECS[model].geometry)
    assert len(shapes) == tensors
    assert round(sum(torch.Size(shape).numel() for shape in shapes.values()) / 1e6, 3) == millions
