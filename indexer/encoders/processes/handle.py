"""One encoder process as its parent sees it: started when needed, given clips, started again when it is lost."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from indexer.encoders.base import is_lost
from indexer.encoders.processes.process_main import Recipe
from indexer.encoders.processes.wire import MAX_HEAD_BYTES, SAMPLE_BYTES, Embedded, Ready, Request, put_clips
from indexer.processes.message_frames import MessageBounds, ReceivedMessage
from indexer.processes.shared_memory import SharedMemory, make_growing_memory
from indexer.processes.supervised_process import ProcessClosed, ProcessLost, RunningProcess, SupervisedProcess
from recommender.errors import EncoderEnded, EncoderLost
from recommender.types import ClipEmbeddings, Waveform

_log = logging.getLogger(__name__)

PASSES_A_REQUEST = 2
"""Passes of the encoder in one request."""
MAX_IN_FLIGHT = 2
"""Requests that a process has at a time: it works on one while the samples of the next are copied."""
ATTEMPTS = 2

_ENTRY = "indexer.encoders.processes.process_main:serve"
_MAX_START_S = 600.0
_MIN_ANSWER_S = 300.0
_ANSWER_S_PER_SAMPLE = 1e-3
"""Added to the time limit for each pass, by the samples of the longest clip: twelve minutes for 30 s at 24 kHz, for
which a slow core needs one. The number of clips adds nothing: a device that has many in a pass computes them side by
side."""

_Running: TypeAlias = RunningProcess[SharedMemory]


class EncoderProcess:
    """Owns at most one process. For one thread at a time, except :meth:`retire`, which any thread may call."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._process = SupervisedProcess[SharedMemory](lambda: RunningProcess(_ENTRY, recipe, make_growing_memory()))
        self._ready: Ready | None = None
        self.rows = 1
        """Clips in a pass of its encoder."""

    @property
    def pid(self) -> int | None:
        """Number of the process; None when there is none."""
        running = self._process.running
        return running.pid if running is not None else None

    @property
    def batch(self) -> int:
        """Clips that its encoder is best given at once; 0 before it has been started."""
        return self._ready.batch * self.rows // self._ready.rows if self._ready is not None else 0

    def start(self) -> Ready:
        """Start the process, and wait until its encoder is loaded.

        Raises EncoderLost when it ends before that, EncoderEnded after :meth:`retire`, and what loading the encoder
        raises.
        """
        try:
            running = self._process.start()
            message = running.receive(MessageBounds(head_bytes=MAX_HEAD_BYTES), timeout_s=_MAX_START_S)
            ready = Ready.from_bytes(message.head)
        except ProcessClosed:
            raise EncoderEnded(self._recipe.device, "has been closed") from None
        except ProcessLost as error:
            problem = f"its process on {self._recipe.device} did not come up: {error} ({self.stop()})"
            raise EncoderLost(problem) from error
        except Exception:
            self.stop()
            raise
        self._ready, self.rows = ready, ready.rows
        return ready

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        """Embed ``clips``, at least one -> ``[clip, layer, dim]``.

        A process that is lost is replaced once, and the new one is given the same clips.

        Raises EncoderEnded when that one is lost over them, too, EncoderLost when it does not start, and what the
        encoder raises.
        """
        problem = ""
        for _ in range(ATTEMPTS):
            try:
                return self._attempt(clips)
            except ProcessLost as error:
                problem = f"{error} ({self.stop()})"
                _log.warning("the encoder process on %s was lost: %s", self._recipe.device, problem)
        count = f"was lost {ATTEMPTS} times over the same {len(clips)} clips"
        raise EncoderEnded(self._recipe.device, f"{count}: {problem}")

    def _attempt(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        if self._process.running is None:
            self.start()
        running, ready = self._process.running, self._ready
        if running is None or ready is None:
            raise EncoderEnded(self._recipe.device, "has been closed")
        size = self.rows * PASSES_A_REQUEST
        parts = [clips[first : first + size] for first in range(0, len(clips), size)]
        messages = _exchange(running, ready, parts)
        try:
            answers = [Embedded.from_message(message) for message in messages]
        except RuntimeError as error:
            if is_lost(error):
                raise ProcessLost(str(error)) from error
            raise
        self.rows = answers[-1].rows
        return np.concatenate([answer.embeddings for answer in answers])

    def retire(self) -> None:
        """Kill the process, even in the middle of a request, and start no other."""
        self._process.retire()

    def stop(self) -> str:
        """End the process, if there is one, and describe how it ended."""
        exit_code = self._process.stop()
        return "it was not running" if exit_code is None else f"exit status {exit_code}"


def answer_limit_s(parts: Sequence[Sequence[Waveform]]) -> float:
    """Seconds that a request for any of ``parts`` may take, each of :data:`PASSES_A_REQUEST` passes at most."""
    longest = max(len(clip) for part in parts for clip in part)
    return _MIN_ANSWER_S + _ANSWER_S_PER_SAMPLE * PASSES_A_REQUEST * longest


def _exchange(running: _Running, ready: Ready, parts: Sequence[Sequence[Waveform]]) -> list[ReceivedMessage]:
    """The answer to each part, in order. Raises ProcessLost.

    The memory has room for :data:`MAX_IN_FLIGHT` parts, used in turn: the part that is written to a room is sent only
    after the one that was there before has been answered.
    """
    room_samples = max(sum(map(len, part)) for part in parts)
    _reserve(running, min(len(parts), MAX_IN_FLIGHT) * room_samples)
    timeout_s = answer_limit_s(parts)
    answers: list[ReceivedMessage] = []
    for number, part in enumerate(parts):
        if number >= MAX_IN_FLIGHT:
            answers.append(running.receive(ready.answer_bounds(len(parts[len(answers)])), timeout_s=timeout_s))
        _ask(running, part, offset=number % MAX_IN_FLIGHT * room_samples)
    while len(answers) < len(parts):
        answers.append(running.receive(ready.answer_bounds(len(parts[len(answers)])), timeout_s=timeout_s))
    return answers


def _reserve(running: _Running, samples: int) -> None:
    try:
        running.memory.reserve(samples * SAMPLE_BYTES)
    except OSError as error:
        raise ProcessLost(f"no memory for {samples} samples to share with it: {error}") from error


def _ask(running: _Running, clips: Sequence[Waveform], *, offset: int) -> None:
    put_clips(running.memory, clips, offset=offset)
    running.send(Request(offset=offset, lengths=tuple(map(len, clips)), size=running.memory.size).to_bytes())
