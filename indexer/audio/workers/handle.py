"""One decoder process as its parent sees it: started when needed, one request at a time, killed when late."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
import threading
from dataclasses import dataclass
from multiprocessing.reduction import send_handle

import numpy as np
import numpy.typing as npt

from indexer.audio.rejection_reasons import Reason
from indexer.audio.workers import worker
from indexer.audio.workers.frames import Received, Room, receive, send
from indexer.audio.workers.shared_slot import Slot, make_slot
from recommender.errors import BadInput, DecoderStartFailed

_log = logging.getLogger(__name__)

RECYCLE_AFTER = 4000
"""Files a process decodes before a fresh one takes its place: leaks in C libraries stay small. A start costs half a
second of CPU time, an eighth of a millisecond a file; decoding 4,000 times, a process grew by 1.4 MiB (AAC) or less."""

_START_S = 60.0
_END_S = 5.0
_READY = Room(head_bytes=len(worker.READY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a decoder process answered, in memory that is ours alone."""

    head: bytearray
    body: npt.NDArray[np.uint8]
    """``[byte]``, writeable."""


class WorkerHandle:
    """Owns at most one process. For one thread at a time, except :meth:`retire`, which any thread may call."""

    def __init__(self, limits: worker.WorkerLimits, timeout_s: float) -> None:
        self._limits = limits
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._retired = False
        self._running: _Running | None = None

    def start(self) -> None:
        """Start the process and wait until it is ready. Raises DecoderStartFailed."""
        with self._lock:
            if self._retired:
                raise DecoderStartFailed("the decoder pool is closed", "open a new one")
            self._running = running = _Running(self._limits)
        ready, _ = running.exchange(None, _READY, timeout_s=_START_S)
        if ready is None or bytes(ready.head) != worker.READY:
            raise DecoderStartFailed(
                f"a decoder process ended while starting ({self.stop()})",
                "what it said is on stderr. A script that starts a pool must guard it with "
                'if __name__ == "__main__", and memory_bytes must leave room to start',
            )

    def ask(self, request: bytes, room: Room) -> Reply:
        """Send ``request`` and wait for its reply, starting the process if there is none.

        Raises BadInput ``decoder_crashed`` or ``decoder_timeout``, after which the next call starts a new process;
        DecoderStartFailed if that does not come up.
        """
        if self._running is None:
            self.start()
        running = self._running
        if running is None:
            raise DecoderStartFailed("the decoder pool is closed", "open a new one")
        reply, late = running.exchange(request, room, timeout_s=self._timeout_s)
        if late:
            self.stop()
            detail = f"no answer from its decoder within {self._timeout_s:g} s; play it or convert it again"
            raise BadInput(Reason.DECODER_TIMEOUT, detail)
        if reply is None:
            how = self.stop()
            if not self._retired:
                _log.info("a decoder process ended (%s) and is replaced", how)
            raise BadInput(Reason.DECODER_CRASHED, f"its decoder process ended ({how}); play it or convert it again")
        if running.served >= RECYCLE_AFTER:
            self.stop()
        return reply

    def retire(self) -> None:
        """Kill the process under whatever it is doing, and start no other."""
        with self._lock:
            self._retired = True
            if self._running is not None:
                self._running.kill()

    def stop(self) -> str:
        """End the process, if there is one, collect it, and say how it ended."""
        with self._lock:
            running, self._running = self._running, None
        return running.collect() if running is not None else "it was not running"


class _Running:
    """A live process and our end of its pipe."""

    def __init__(self, limits: worker.WorkerLimits) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._slot = make_slot()
        shared = self._slot is not None
        self._process = context.Process(target=worker.serve, args=(theirs, limits, shared), daemon=True)
        self._process.start()
        theirs.close()
        if self._slot is not None:
            self._hand_over(self._slot)
        self.served = 0
        """Requests so far."""

    def _hand_over(self, slot: Slot) -> None:
        with contextlib.suppress(OSError):  # it has ended already, as whoever waits for READY will see
            send_handle(self._connection, slot.descriptor, self._process.pid)

    def exchange(self, request: bytes | None, room: Room, *, timeout_s: float) -> tuple[Reply | None, bool]:
        """(the reply, or None if the process ended or wrote more than fits ``room``; whether it was killed as late)."""
        self.served += request is not None
        pipe = self._connection
        try:
            if request is not None:
                send(pipe.fileno(), request)
            return _own(receive(pipe.fileno(), room, slot=self._slot, timeout_s=timeout_s)), False
        except TimeoutError:
            self.kill()
            return None, True
        except (EOFError, OSError):
            return None, False

    def kill(self) -> None:
        self._process.kill()

    def collect(self) -> str:
        """Close the pipe, which ends a process that waits; kill one that does not; leave nothing behind."""
        self._connection.close()
        if self._slot is not None:
            self._slot.close()
        self._process.join(_END_S)
        self._process.kill()
        self._process.join()
        how = _ending(self._process.exitcode)
        self._process.close()
        return how


def _own(received: Received) -> Reply:
    """Samples in shared memory are copied before anything looks at them: their writer may still change them."""
    body = np.frombuffer(received.body, dtype=np.uint8)
    return Reply(head=received.head, body=body.copy() if isinstance(received.body, memoryview) else body)


def _ending(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"exit status {exitcode}"
    name = signal.Signals(-exitcode).name
    hint = ", which the system sends when memory runs out" if exitcode == -signal.SIGKILL else ""
    return f"{name}{hint}"
