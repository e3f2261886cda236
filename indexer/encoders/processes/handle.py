"""One encoder process as its parent sees it: started when needed, fed clips, started again when it is lost."""

from __future__ import annotations

import logging
import multiprocessing
import threading
from collections.abc import Sequence
from multiprocessing.reduction import send_handle

import numpy as np

from indexer.encoders.device_errors import is_lost
from indexer.encoders.processes import child
from indexer.encoders.processes.shared import SharedSamples
from indexer.encoders.processes.wire import Embedded, Ready, Request
from recommender.errors import EncoderEnded, EncoderLost
from recommender.types import ClipEmbeddings, Waveform

_log = logging.getLogger(__name__)

PASSES_A_REQUEST = 2
"""Passes of the encoder that a request is for; one request is worked on while the next is laid out."""
UNDER_WAY = 2
ATTEMPTS = 2

_START_S = 600.0
_MIN_S = 300.0
_A_SAMPLE_S = 1e-3
"""Patience with a pass, by the samples of its longest clip: twelve minutes for 30 s, which take a slow core one. A
device that has many clips in a pass computes them side by side, and is no more patiently waited for."""
_END_S = 5.0


class ProcessLost(Exception):
    """The process has ended, is late, or can no longer use its device."""


class EncoderProcess:
    """Owns at most one process. For one thread at a time, except :meth:`close`, which any thread may call."""

    def __init__(self, recipe: child.Recipe) -> None:
        self._recipe = recipe
        self._lock = threading.Lock()
        self._closed = False
        self._running: _Running | None = None
        self._ready: Ready | None = None
        self.rows = 1
        """Clips in a pass of its encoder."""

    @property
    def pid(self) -> int | None:
        """Number of the process; None when there is none."""
        return self._running.pid if self._running is not None else None

    @property
    def batch(self) -> int:
        """Clips that its encoder likes to be handed at once; 0 before it has been started."""
        return self._ready.batch * self.rows // self._ready.rows if self._ready is not None else 0

    def start(self) -> Ready:
        """Start the process, and wait until its encoder is loaded.

        Raises EncoderLost when it ends before that, and whatever loading the encoder raises.
        """
        with self._lock:
            if self._closed:
                raise EncoderEnded(self._recipe.device, "has been closed")
            self._running = running = _Running(self._recipe)
        try:
            ready = Ready.from_bytes(running.receive(_START_S))
        except ProcessLost as lost:
            problem = f"its process on {self._recipe.device} did not come up: {lost} ({self._stop()})"
            raise EncoderLost(problem) from lost
        except Exception:
            self._stop()
            raise
        self._ready, self.rows = ready, ready.rows
        return ready

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        """Embed ``clips``, at least one. A process that is lost is replaced once, and the new one gets the clips.

        Raises EncoderEnded when that one is lost over them, too, and EncoderLost when it does not come up; else what
        the encoder raises.
        """
        problem = ""
        for _ in range(ATTEMPTS):
            try:
                return self._attempt(clips)
            except ProcessLost as lost:
                problem = f"{lost} ({self._stop()})"
                _log.warning("the encoder process on %s was lost: %s", self._recipe.device, problem)
        how_often = f"was lost {ATTEMPTS} times over the same {len(clips)} clips"
        raise EncoderEnded(self._recipe.device, f"{how_often}: {problem}")

    def _attempt(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        if self._running is None:
            self.start()
        if self._running is None:
            raise EncoderEnded(self._recipe.device, "has been closed")
        size = self.rows * PASSES_A_REQUEST
        parts = [clips[first : first + size] for first in range(0, len(clips), size)]
        answers = self._running.exchange(parts)
        try:
            found = [Embedded.from_bytes(answer) for answer in answers]
        except RuntimeError as error:
            if is_lost(error):
                raise ProcessLost(str(error)) from error
            raise
        self.rows = found[-1].rows
        return np.concatenate([one.embeddings for one in found])

    def close(self) -> None:
        """End the process under whatever it is doing, and start no other. Calling it again does nothing."""
        with self._lock:
            self._closed = True
            if self._running is not None:
                self._running.kill()
        self._stop()

    def _stop(self) -> str:
        """End the process, if there is one, collect it, and say how it ended."""
        with self._lock:
            running, self._running = self._running, None
        return running.collect() if running is not None else "it was not running"


def patience(parts: Sequence[Sequence[Waveform]]) -> float:
    """Seconds that a request for any of ``parts`` may take, each of :data:`PASSES_A_REQUEST` passes at most."""
    return _MIN_S + _A_SAMPLE_S * PASSES_A_REQUEST * max(len(clip) for part in parts for clip in part)


class _Running:
    """A live process, our end of its connection, and the memory it shares with us."""

    def __init__(self, recipe: child.Recipe) -> None:
        context = multiprocessing.get_context("spawn")
        self._memory = SharedSamples.make()
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=child.serve, args=(theirs, recipe), daemon=True)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid
        try:
            send_handle(self._connection, self._memory.descriptor, self.pid)
        except OSError:  # it has ended already, which receive() will find
            _log.debug("the encoder process %s ended before it was given its memory", self.pid)

    def exchange(self, parts: Sequence[Sequence[Waveform]]) -> list[bytes]:
        """The answer to each part, in order; while one is worked on, the next is laid out. Raises Lost."""
        answers: list[bytes] = []
        widest = max(sum(map(len, part)) for part in parts)
        self._reserve(min(len(parts), UNDER_WAY) * widest)
        patience_s = patience(parts)
        for number, part in enumerate(parts):
            if number >= UNDER_WAY:
                answers.append(self.receive(patience_s))
            self._ask(part, offset=number % UNDER_WAY * widest)
        while len(answers) < len(parts):
            answers.append(self.receive(patience_s))
        return answers

    def _reserve(self, samples: int) -> None:
        try:
            self._memory.reserve(samples)
        except OSError as error:
            raise ProcessLost(f"no memory for {samples} samples to share with it: {error}") from error

    def _ask(self, clips: Sequence[Waveform], *, offset: int) -> None:
        self._memory.put(clips, offset=offset)
        request = Request(offset=offset, lengths=tuple(map(len, clips)), size=self._memory.size)
        try:
            self._connection.send_bytes(request.to_bytes())
        except OSError as error:
            raise ProcessLost("it has ended") from error

    def receive(self, timeout_s: float) -> bytes:
        """One message. Raises Lost when the process ends or is late."""
        try:
            if self._connection.poll(timeout_s):
                return self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise ProcessLost("it has ended") from error
        self.kill()
        raise ProcessLost(f"no answer within {timeout_s:g} s")

    def kill(self) -> None:
        self._process.kill()

    def collect(self) -> str:
        """Close the connection, which ends a process that waits; kill one that does not; leave nothing behind."""
        self._connection.close()
        self._process.join(_END_S)
        self._process.kill()
        self._process.join()
        how = f"exit status {self._process.exitcode}"
        self._process.close()
        self._memory.close()
        return how
