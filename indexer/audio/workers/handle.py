"""One decoder process as the pool sees it: started when needed, one request at a time, killed when late."""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from indexer.audio.rejection_reasons import Reason
from indexer.audio.workers import worker
from indexer.processes.message_frames import MessageBounds, ReceivedMessage
from indexer.processes.shared_memory import SharedMemory, make_sealed_memory
from indexer.processes.supervised_process import (
    ProcessClosed,
    ProcessLate,
    ProcessLost,
    RunningProcess,
    SupervisedProcess,
)
from indexer.processes.work_limit import WorkLimit
from recommender.errors import BadInput, DecoderStartFailed

_log = logging.getLogger(__name__)

RECYCLE_AFTER = 4000
"""Files that a process decodes before a new one replaces it, so that leaks in C libraries stay small. A start costs
half a second of CPU time, 1/8 ms per file; over 4,000 files a process grew by 1.4 MiB (AAC) or less."""

SHARED_BYTES = 8 << 20
"""30 s at 69 kHz. Pages that are never written take no memory; what does not fit goes through the pipe."""

_ENTRY = "indexer.audio.workers.worker:serve"
_MAX_START_S = 60.0
_READY = MessageBounds(head_bytes=len(worker.READY))
_POOL_CLOSED = ("the decoder pool is closed", "open a new one")

_Running: TypeAlias = RunningProcess[SharedMemory | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a decoder process answered, in memory that only this process can change."""

    head: bytearray
    body: npt.NDArray[np.uint8]
    """``[byte]``, writeable."""


class WorkerHandle:
    """Owns at most one process. For one thread at a time, except :meth:`retire`, which any thread may call."""

    def __init__(self, limits: worker.WorkerLimits, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._process = SupervisedProcess[SharedMemory | None](
            lambda: RunningProcess(_ENTRY, limits, make_sealed_memory(SHARED_BYTES))
        )
        self._served = 0
        """Requests that the running process was asked."""

    def start(self) -> None:
        """Start the process and wait until it is ready. Raises DecoderStartFailed."""
        running = self._start()
        try:
            ready = bytes(running.receive(_READY, timeout_s=_MAX_START_S).head)
        except ProcessLost:
            ready = b""
        if ready != worker.READY:
            raise DecoderStartFailed(
                f"a decoder process ended while starting ({self.stop()})",
                "stderr says why. A script that starts a pool must guard it with "
                'if __name__ == "__main__", and memory_bytes must leave room to start',
            )

    def _start(self) -> _Running:
        self._served = 0
        try:
            return self._process.start()
        except ProcessClosed:
            raise DecoderStartFailed(*_POOL_CLOSED) from None

    def ask(self, request: bytes, bounds: MessageBounds, *, extra_s: float = 0.0) -> Reply:
        """Send ``request`` and wait for its reply, starting the process if there is none.

        The process may use ``extra_s`` of CPU time more than the limit that every request has.

        Raises BadInput ``decoder_crashed`` or ``decoder_timeout``, after which the next call starts a new process;
        DecoderStartFailed if that one does not start.
        """
        if self._process.running is None:
            self.start()
        running = self._process.running
        if running is None:
            raise DecoderStartFailed(*_POOL_CLOSED)
        try:
            reply = self._exchange(running, request, bounds, extra_s)
        except ProcessLate as late:
            self.stop()
            raise BadInput(Reason.DECODER_TIMEOUT, f"its decoder gave {late}; play it or convert it again") from None
        except ProcessLost:
            ending = self.stop()
            if not self._process.retired:
                _log.info("a decoder process ended (%s) and is replaced", ending)
            detail = f"its decoder process ended ({ending}); play it or convert it again"
            raise BadInput(Reason.DECODER_CRASHED, detail) from None
        if self._served >= RECYCLE_AFTER:
            self.stop()
        return reply

    def _exchange(self, running: _Running, request: bytes, bounds: MessageBounds, extra_s: float) -> Reply:
        self._served += 1
        limit = WorkLimit(running.pid or 0, cpu_s=self._timeout_s + extra_s, idle_s=self._timeout_s)
        running.send(request)
        return _own(running.receive_within(bounds, limit))

    def retire(self) -> None:
        """Kill the process, even in the middle of a request, and start no other."""
        self._process.retire()

    def stop(self) -> str:
        """End the process, if there is one, and describe how it ended."""
        return _describe(self._process.stop())


def _own(received: ReceivedMessage) -> Reply:
    """Samples in shared memory are copied before anything looks at them: the decoder process may still change them."""
    body = np.frombuffer(received.body, dtype=np.uint8)
    return Reply(head=received.head, body=body.copy() if isinstance(received.body, memoryview) else body)


def _describe(exit_code: int | None) -> str:
    if exit_code is None:
        return "it was not running"
    if exit_code >= 0:
        return f"exit status {exit_code}"
    name = signal.Signals(-exit_code).name
    hint = ", which the system sends when memory runs out" if exit_code == -signal.SIGKILL else ""
    return f"{name}{hint}"
