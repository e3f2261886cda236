"""A published pickle becomes safetensors, unless it holds anything but the tensors it should."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.mert.convert import convert, convert_folder, named_globals
from indexer.encoders.mert.random_checkpoint import random_tensors, write_checkpoint
from indexer.encoders.mert.weights import open_weights
from recommender.errors import WeightsRefused
from tests.indexer.encoders.mert import tiny

ROOT = Path(__file__).resolve().parents[4]


def published(folder: Path) -> Path:
    return write_checkpoint(folder, tiny.POST_NORM, seed=1, published_form=True)


def test_a_converted_checkpoint_holds_the_same_tensors(tmp_path: Path) -> None:
    source = published(tmp_path)
    weights = convert(source, tmp_path / "model.safetensors", tiny.POST_NORM)
    assert all(torch.equal(weights[name], tensor) for name, tensor in random_tensors(tiny.POST_NORM, seed=1).items())
    assert open_weights(tmp_path / "model.safetensors", tiny.POST_NORM).sha256 == weights.sha256


def test_converting_twice_gives_the_same_file(tmp_path: Path) -> None:
    source = published(tmp_path)
    digests = {convert(source, tmp_path / f"{n}.safetensors", tiny.POST_NORM).sha256 for n in range(2)}
    assert len(digests) == 1


def test_a_published_file_names_nothing_but_tensors(tmp_path: Path) -> None:
    assert set(named_globals(published(tmp_path))) == {
        "collections OrderedDict",
        "torch FloatStorage",
        "torch._utils _rebuild_tensor_v2",
    }


def test_a_file_that_names_more_than_tensors_is_refused_unread(tmp_path: Path) -> None:
    source = tmp_path / "fairseq.pt"
    torch.save({"args": argparse.Namespace(user_dir="."), "model": {}}, source)
    with pytest.raises(WeightsRefused, match="it names argparse Namespace"):
        convert(source, tmp_path / "model.safetensors", tiny.POST_NORM)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02c__builtin__\neval\nq\x00.", b"PK\x03\x04 no archive"])
def test_a_file_that_torch_did_not_save_is_refused(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "pytorch_model.bin"
    source.write_bytes(content)
    with pytest.raises(WeightsRefused, match=r"not a file that torch\.save wrote"):
        convert(source, tmp_path / "model.safetensors", tiny.POST_NORM)


@pytest.mark.parametrize("content", [[1, 2], OrderedDict(epoch=3), torch.zeros(2)])
def test_a_file_that_is_no_table_of_tensors_is_refused(tmp_path: Path, content: object) -> None:
    source = tmp_path / "pytorch_model.bin"
    torch.save(content, source)
    with pytest.raises(WeightsRefused, match="is not a table of tensors"):
        convert(source, tmp_path / "model.safetensors", tiny.POST_NORM)


def test_a_file_that_lacks_a_tensor_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "pytorch_model.bin"
    torch.save({k: v for k, v in random_tensors(tiny.POST_NORM).items() if "masked" not in k}, source)
    with pytest.raises(WeightsRefused, match="missing tensor: masked_spec_embed"):
        convert(source, tmp_path / "model.safetensors", tiny.POST_NORM)
    assert [path.name for path in tmp_path.iterdir()] == ["pytorch_model.bin"]


def test_only_the_file_that_was_published_passes_a_pin(tmp_path: Path) -> None:
    source = published(tmp_path)
    pin = hashlib.sha256(source.read_bytes()).hexdigest()
    convert(source, tmp_path / "model.safetensors", tiny.POST_NORM, sha256=pin)
    with pytest.raises(WeightsRefused, match="that was published"):
        convert(source, tmp_path / "model.safetensors", tiny.POST_NORM, sha256="0" * 64)


def test_the_command_converts_a_folder_and_says_the_digest(tmp_path: Path) -> None:
    published(tmp_path)
    command = [sys.executable, "-m", "soundkin", "encoder", "convert", str(tmp_path)]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output.split()[-1] == open_weights(tmp_path / "model.safetensors", tiny.POST_NORM).sha256


def test_a_random_file_is_refused_as_the_published_one(tmp_path: Path) -> None:
    published(tmp_path)
    with pytest.raises(WeightsRefused, match="that was published"):
        convert_folder(tmp_path, model="mert-v1-95m")
    assert not (tmp_path / "model.safetensors").exists()
