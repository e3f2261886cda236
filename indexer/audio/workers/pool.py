"""A pool of decoder processes for scan, embed and the encoder service: a bad file ends one process and no more."""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

from indexer.audio.rejection_reasons import Reason
from indexer.audio.workers.handle import WorkerHandle
from indexer.audio.workers.jobs import DecodeJob, Inspection, InspectJob, Job
from indexer.audio.workers.wire import job_to_bytes, reply_bounds, reply_from_bytes
from indexer.audio.workers.worker import WorkerLimits
from recommender.errors import BadInput, InvalidArgument
from recommender.types import Waveform

__all__ = ["DecodeJob", "DecoderPool", "InspectJob", "Inspection", "Outcome"]

_log = logging.getLogger(__name__)
_ValueT = TypeVar("_ValueT")

DEFAULT_HANDLER = "indexer.audio.workers.job_handler:answer"
CPU_S_PER_HOUR = 20.0
"""CPU time for each hour of sound, of which the excerpt of a long file is the middle. Twice what decoding all of it and
three windows takes: Opus 7 s an hour, AAC from its start 2 to 4."""
MAX_AHEAD = 4
"""Jobs in flight per worker: decoding continues while the consumer works, and memory stays bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[_ValueT]):
    """The result of one job: exactly one of ``value`` and ``error`` is not None."""

    job: Job
    value: _ValueT | None = None
    error: BadInput | None = None


class DecoderPool:
    """Decodes files in processes of their own.

    A file that crashes its decoder, hangs it or needs too much memory gets the reason ``decoder_crashed``,
    ``decoder_timeout`` or ``decoder_memory``; other files are not affected. Messages are JSON and raw samples
    (:mod:`indexer.audio.workers.wire`). For one consumer at a time.

    ::

        with DecoderPool(workers=2) as pool:
            for outcome in pool.run(InspectJob(path=path) for path in paths):
                ...

    Args:
        workers: processes, at least 1.
        timeout_s: CPU time for one file, besides :data:`CPU_S_PER_HOUR` for its length; and time by the clock in
            which its decoder may do nothing. A busy machine does not count.
        memory_bytes: address space of one process, where the system can limit it (Linux).
        handler: ``module:function`` that turns the bytes of a request into those of a reply, inside the process.
        on_demand: start each process at its first job, so that a pool without jobs costs nothing.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        timeout_s: float = 60.0,
        memory_bytes: int = 4 << 30,
        handler: str = DEFAULT_HANDLER,
        on_demand: bool = False,
    ) -> None:
        if workers < 1:
            raise InvalidArgument("workers", f"{workers}; at least 1 is needed")
        self._on_demand = on_demand
        limits = WorkerLimits(handler=handler, memory_bytes=memory_bytes)
        self._handles = [WorkerHandle(limits, timeout_s) for _ in range(workers)]
        self._idle: queue.SimpleQueue[WorkerHandle] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="soundkin-decoder")

    def __enter__(self) -> Self:
        """Start the processes, side by side, unless on demand. Raises DecoderStartFailed."""
        try:
            if not self._on_demand:
                list(self._threads.map(WorkerHandle.start, self._handles))
        except BaseException:
            self.close()
            raise
        for handle in self._handles:
            self._idle.put(handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process and thread of the pool, even in the middle of a file. Calling it again does nothing."""
        for handle in self._handles:
            handle.retire()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for handle in self._handles:
            handle.stop()

    @overload
    def run(self, jobs: Iterable[InspectJob]) -> Iterator[Outcome[Inspection]]: ...
    @overload
    def run(self, jobs: Iterable[DecodeJob]) -> Iterator[Outcome[Waveform]]: ...
    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome[Any]]:  # Any: the overloads say which
        """Answer ``jobs`` in their order, taking from the iterable only a few more than were answered.

        Raises DecoderStartFailed if a process that died cannot be replaced.
        """
        pending: deque[Future[Outcome[Inspection | Waveform]]] = deque()
        try:
            for job in jobs:
                pending.append(self._threads.submit(self._answer, job))
                if len(pending) >= MAX_AHEAD * len(self._handles):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def _answer(self, job: Job) -> Outcome[Inspection | Waveform]:
        handle = self._idle.get()
        try:
            return Outcome(job=job, value=_ask(handle, job))
        except BadInput as error:
            return Outcome(job=job, error=error)
        finally:
            self._idle.put(handle)


def _ask(handle: WorkerHandle, job: Job) -> Inspection | Waveform:
    """Do ``job`` in the process of ``handle``, which is not used again after running out of memory or a bad reply."""
    reply = handle.ask(job_to_bytes(job), reply_bounds(job), extra_s=_extra_s(job))
    try:
        return reply_from_bytes(job, reply.head, reply.body)
    except BadInput as error:
        if error.reason == Reason.DECODER_MEMORY:
            handle.stop()
        raise
    except ValueError as error:
        handle.stop()
        _log.warning("a decoder process gave a reply that makes no sense for %s: %s", job.path, error)
        raise BadInput(Reason.DECODER_CRASHED, "its decoder process gave a reply that makes no sense") from error


def _extra_s(job: Job) -> float:
    """CPU time that a decoder may need because the sound is long: as far behind the excerpt as before it."""
    if isinstance(job, InspectJob):
        return 0.0
    return CPU_S_PER_HOUR * (2 * job.excerpt.start_ms + job.excerpt.length_ms) / 3_600_000
