"""A child process as its parent sees it: started when needed, asked by messages, killed when late, never left behind.

The processes are spawned, never forked: a fork copies the locks of other threads and the state of native libraries.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import select
import threading
from collections.abc import Callable
from multiprocessing.reduction import send_handle
from typing import Generic, TypeVar

from indexer.processes.child_process import run_child
from indexer.processes.message_frames import Message, MessageBounds, ReceivedMessage, receive, send
from indexer.processes.shared_memory import SharedMemory
from indexer.processes.work_limit import WorkLimit

_MAX_END_S = 5.0
"""Time that a process has to end by itself after its pipe is closed."""

_WATCH_MS = 500
"""How often a process that works is looked at; an answer is taken at once."""

_MemoryT = TypeVar("_MemoryT", bound="SharedMemory | None")


class ProcessLost(Exception):
    """The process has ended, wrote something that is no message, or cannot be used any more."""


class ProcessLate(ProcessLost):
    """The process did not answer in time and was killed."""


class ProcessClosed(Exception):
    """The supervisor was retired, and starts no process any more."""


class RunningProcess(Generic[_MemoryT]):
    """A process that was started, this side of its pipe, and the memory that both see."""

    def __init__(self, entry: str, recipe: object, memory: _MemoryT) -> None:
        """Start a process that runs ``entry`` (``module:function``) with ``recipe``, and hand it ``memory``.

        :func:`~indexer.processes.child_process.run_child` documents what the function is called with.
        """
        context = multiprocessing.get_context("spawn")
        self.memory = memory
        self._connection, child_end = context.Pipe()
        shared = memory is not None
        self._process = context.Process(target=run_child, args=(child_end, entry, recipe, shared), daemon=True)
        self._process.start()
        child_end.close()
        self.pid = self._process.pid
        if memory is not None:
            with contextlib.suppress(OSError):  # it has ended already, which the next receive() reports
                send_handle(self._connection, memory.descriptor, self.pid)

    def send(self, message: Message) -> None:
        """Write ``message`` to the pipe. Raises ProcessLost."""
        try:
            send(self._connection.fileno(), message)
        except OSError as error:
            raise ProcessLost("it has ended") from error

    def receive(self, bounds: MessageBounds, *, timeout_s: float) -> ReceivedMessage:
        """The next message of the process, at most as long as ``bounds``. Raises ProcessLost, ProcessLate."""
        try:
            return receive(self._connection.fileno(), bounds, memory=self.memory, timeout_s=timeout_s)
        except TimeoutError as error:
            self.kill()
            raise ProcessLate(f"no answer within {timeout_s:g} s") from error
        except (EOFError, OSError) as error:
            raise ProcessLost("it has ended") from error

    def receive_within(self, bounds: MessageBounds, limit: WorkLimit) -> ReceivedMessage:
        """:meth:`receive`, for as long as the process keeps ``limit``. Raises ProcessLost, ProcessLate."""
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN)
        while not poll.poll(_WATCH_MS):
            breach = limit.breach()
            if breach is not None:
                self.kill()
                raise ProcessLate(breach)
        return self.receive(bounds, timeout_s=limit.idle_s)

    def kill(self) -> None:
        """Kill the process. Any thread may do so."""
        self._process.kill()

    def collect(self) -> int:
        """End the process and release all that belongs to it; return its exit code, negative for a signal.

        Closing the pipe ends a process that waits for a request; one that has not ended 5 s later is killed.
        """
        self._connection.close()
        self._process.join(_MAX_END_S)
        self._process.kill()
        self._process.join()
        exit_code = self._process.exitcode
        self._process.close()
        if self.memory is not None:
            self.memory.close()
        return exit_code if exit_code is not None else 0


class SupervisedProcess(Generic[_MemoryT]):
    """Owns at most one process. For one thread at a time, except :meth:`retire`, which any thread may call."""

    def __init__(self, launch: Callable[[], RunningProcess[_MemoryT]]) -> None:
        """Start nothing yet; ``launch`` starts a process each time that one is needed."""
        self._launch = launch
        self._lock = threading.Lock()
        self.retired = False
        """Whether :meth:`retire` was called."""
        self.running: RunningProcess[_MemoryT] | None = None
        """The process; None before the start and after the end of one."""

    def start(self) -> RunningProcess[_MemoryT]:
        """Start a process. Raises ProcessClosed after :meth:`retire`."""
        with self._lock:
            if self.retired:
                raise ProcessClosed
            self.running = running = self._launch()
        return running

    def retire(self) -> None:
        """Kill the process, even in the middle of a request, and start no other. :meth:`stop` must still be called."""
        with self._lock:
            self.retired = True
            if self.running is not None:
                self.running.kill()

    def stop(self) -> int | None:
        """End the process and release all that belongs to it; return its exit code, None when none was running."""
        with self._lock:
            running, self.running = self.running, None
        return running.collect() if running is not None else None
