"""Encoders for processes in tests: a tiny MERT, and one that obeys the first sample of each clip."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from indexer.encoders.base import Encoder
from indexer.encoders.processes.process_main import Recipe
from recommender.errors import BadInput, WeightsRefused
from recommender.licences import LICENCES
from recommender.types import ClipEmbeddings, Layer, Licence, Space, Waveform

HERE = "tests.indexer.encoders.processes.recipes"
KILL, BAD, FULL, BROKEN, STICKY, SLOW, UNFORESEEN = -1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0
"""First samples that make the obedient encoder die, refuse, run out of memory, fail, lose its device, take long, and
raise an unforeseen error."""


def recipe(loader: str, *, device: str = "cpu", **settings: str) -> Recipe:
    """How a process comes by the encoder that ``loader`` of this module makes."""
    return Recipe(loader=f"{HERE}:{loader}", settings={"device": device, **settings}, device=device, threads=1)


def tiny_mert(settings: Mapping[str, str]) -> Encoder:
    """A tiny MERT, with the weights of the folder ``weights``."""
    from indexer.encoders.mert.encoder import MertEncoder, MertOptions
    from tests.indexer.encoders.mert import tiny

    options = MertOptions(device="cpu", precision=settings.get("precision", "fp32"))
    return MertEncoder(tiny.spec_of(tiny.POST_NORM), Path(settings["weights"]), options)


def obedient(settings: Mapping[str, str]) -> Encoder:
    """An encoder that does what a clip's first sample says, and dies no more often than ``lives`` has lines."""
    return Obedient(rows=int(settings.get("rows", "1")), lives=Path(settings["lives"]) if "lives" in settings else None)


def refused(settings: Mapping[str, str]) -> Encoder:
    """No encoder: its weights are refused."""
    raise WeightsRefused(settings["weights"], "is no safetensors file")


def dead(_settings: Mapping[str, str]) -> Encoder:
    """No encoder: the process dies while it makes one."""
    os._exit(7)


def once(settings: Mapping[str, str]) -> Encoder:
    """An obedient encoder the first time, which leaves ``mark`` behind; no process comes up a second time."""
    mark = Path(settings["mark"])
    if mark.exists():
        os._exit(7)
    mark.touch()
    return Obedient(rows=1, lives=None)


class Obedient:
    """Embeds a clip as its first sample, its length, and the number of its process."""

    licence: Licence = LICENCES["ISC"]
    space = Space(
        name="obedient",
        revision="1",
        licence="ISC",
        layers=(Layer(name="only"),),
        dim=3,
        sample_rate_hz=8000,
        preprocessing="test",
        default_mix={"only": 1.0},
    )

    def __init__(self, *, rows: int, lives: Path | None) -> None:
        self.rows = rows
        self.batch = 4 * rows
        self._lives = lives

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        """Embed ``clips`` -> ``[clip, 1, 3]``, unless one of them says otherwise."""
        for clip in clips:
            self._obey(float(clip[0]))
        return np.asarray([[[clip[0], len(clip), os.getpid()]] for clip in clips], dtype=np.float32)

    def _obey(self, command: float) -> None:
        if command in (KILL, STICKY) and self._may_die():
            if command == KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        if command == SLOW:
            time.sleep(60)
        if command == UNFORESEEN:
            raise KeyError("this was not foreseen")
        if command == BAD:
            raise BadInput("silent", "nothing to hear")
        if command == FULL:
            raise MemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        if command == BROKEN:
            raise ValueError("shapes do not match")

    def _may_die(self) -> bool:
        """Take one of the lives that are written down; without a list there is no end to them."""
        if self._lives is None:
            return True
        left = self._lives.read_text().splitlines()
        self._lives.write_text("\n".join(left[1:]))
        return bool(left)
