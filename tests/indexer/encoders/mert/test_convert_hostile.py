"""A pickle that would run code runs none, also where it names nothing that the first look at it can see."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from zipfile import ZipFile

import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.mert import convert as converting
from indexer.encoders.mert.convert import ALLOWED, convert, named_globals, read_published
from indexer.encoders.mert.random_checkpoint import random_tensors
from recommender.errors import WeightsRefused
from tests.indexer.encoders.mert import tiny


class Makes:
    """Makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self._folder,)


def disguised(file: Path, folder: Path) -> Path:
    """What ``torch.save`` writes, but for its pickle: that makes ``folder``, and is read as naming an OrderedDict."""
    torch.save({}, file)
    with ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    path = str(folder).encode()
    (name,) = [name for name in parts if name.endswith("data.pkl")]
    parts[name] = b"".join(
        (
            b"\x80\x02",
            b"\x8c\x0bcollections\x8c\x0bOrderedDict00",  # two short strings, taken from the stack again
            *(b"\x8d" + struct.pack("<Q", len(word)) + word for word in (b"os", b"mkdir")),  # two long ones
            b"\x93X",  # the global that is called so, and its argument
            struct.pack("<I", len(path)) + path,
            b"\x85R.",
        )
    )
    with ZipFile(file, "w") as archive:
        for each, content in parts.items():
            archive.writestr(each, content)
    return file


def test_a_pickle_in_disguise_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    file = disguised(tmp_path / "pytorch_model.bin", tmp_path / "ran")
    with pytest.raises(WeightsRefused, match="pickled in another way"):
        convert(file, tmp_path / "model.safetensors", tiny.POST_NORM)
    assert [path.name for path in tmp_path.iterdir()] == ["pytorch_model.bin"]


def test_tensors_in_a_newer_pickle_protocol_are_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "pytorch_model.bin"
    torch.save(random_tensors(tiny.POST_NORM), file, pickle_protocol=4)
    with pytest.raises(WeightsRefused, match="without pickle_protocol"):
        convert(file, tmp_path / "model.safetensors", tiny.POST_NORM)
    assert [path.name for path in tmp_path.iterdir()] == ["pytorch_model.bin"]


def test_a_function_is_not_called_even_if_the_first_look_let_its_name_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pytorch_model.bin"
    torch.save({"weight": Makes(tmp_path / "ran")}, file)
    (named,) = named_globals(file)
    assert named.endswith(" mkdir")
    with pytest.raises(WeightsRefused, match="it names"):
        read_published(file)
    monkeypatch.setattr(converting, "ALLOWED", ALLOWED | {named})
    with pytest.raises(WeightsRefused, match="holds more than tensors") as refused:
        read_published(file)
    assert "weights_only" not in str(refused.value), "torch advises to load it all the same"
    assert not (tmp_path / "ran").exists()
