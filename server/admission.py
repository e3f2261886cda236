"""Lets requests compute in turn, and refuses at once those that could not be answered in time.

Rankings compute in Python, so one process computes one at a time. Without a limit the queue grows until every answer
is late: refusing what will be late keeps the others in time. Lookups and health checks need no turn.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from recommender.errors import Overloaded
from server.call import Call, CallEnded
from server.metrics import Metrics, Refusal

MAX_WAIT_S = 1.0
"""Longest expected wait, in seconds, with which a request is let in: longer queues only make everybody late."""
SHARE_WAITED = 0.5
"""Of the time to its deadline, how much a request may be expected to wait: estimates are rough."""
MAX_WAITING = 64
"""Most requests that wait: each holds a thread."""
MAX_BATCHES = 16
"""Most batches at once. They hold a thread each, too, and give way to single requests after every entry."""
FIRST_GUESS_S = 0.005
_MEMORY = 0.1
"""Weight of the last turn in the mean length of turns."""
SINGLES_AN_ENTRY = 8
"""After so many single requests in a row, an entry of a batch has its turn although others wait."""


class _Ticket:
    """A place in the queue."""

    def __init__(self) -> None:
        self.called = threading.Event()
        """The turn has come, or the call has ended."""
        self.has_turn = False


class Admission:
    """Turns at computing: ``slots`` at a time, single requests before entries of batches, in order of arrival."""

    def __init__(self, metrics: Metrics, *, slots: int = 1) -> None:
        self._metrics = metrics
        self._slots = slots
        self._lock = threading.Lock()
        self._free = slots
        self._singles: deque[_Ticket] = deque()
        self._entries: deque[_Ticket] = deque()
        self._batches = 0
        self._in_a_row = 0
        """Single requests since the last entry."""
        self._mean_s = FIRST_GUESS_S

    @contextmanager
    def turn(self, call: Call) -> Iterator[None]:
        """Compute for a single request during the block.

        Raises:
            Overloaded: the turn would not come in time.
            CallEnded: the client left while it waited.
        """
        with self._lock:
            self._refuse_if_late(call)
            ticket = self._queue_up(self._singles)
        yield from self._in_turn(ticket, self._singles, call)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Work on a batch during the block. Raises Overloaded when too many are worked on."""
        with self._lock:
            if self._batches >= MAX_BATCHES:
                self._refuse(Refusal.BATCHES, f"{MAX_BATCHES} batches are being answered")
            self._batches += 1
        try:
            yield
        finally:
            with self._lock:
                self._batches -= 1

    @contextmanager
    def entry(self, call: Call) -> Iterator[None]:
        """Compute one entry of a batch during the block, once no single request waits. Raises CallEnded."""
        call.check()
        with self._lock:
            ticket = self._queue_up(self._entries)
        yield from self._in_turn(ticket, self._entries, call)

    def _refuse_if_late(self, call: Call) -> None:
        if not self._singles:  # a place is always free in an empty queue, however gloomy the estimate
            return
        expected_s = (len(self._singles) + self._slots - self._free) * self._mean_s / self._slots
        if expected_s > MAX_WAIT_S or len(self._singles) >= MAX_WAITING:
            self._refuse(Refusal.QUEUE, f"{len(self._singles)} requests wait already")
        if expected_s > SHARE_WAITED * call.seconds_left():
            self._refuse(
                Refusal.DEADLINE, f"a turn would come in {expected_s * 1e3:.0f} ms, too late for your deadline"
            )

    def _refuse(self, why: Refusal, problem: str) -> None:
        self._metrics.refused(why)
        raise Overloaded(problem)

    def _queue_up(self, queue: deque[_Ticket]) -> _Ticket:
        ticket = _Ticket()
        if self._free and not self._singles and not self._entries:
            self._free -= 1
            self._give(ticket)
        else:
            queue.append(ticket)
            self._metrics.waiting(len(self._singles))
        return ticket

    @staticmethod
    def _give(ticket: _Ticket) -> None:
        ticket.has_turn = True
        ticket.called.set()

    def _in_turn(self, ticket: _Ticket, queue: deque[_Ticket], call: Call) -> Iterator[None]:
        if not ticket.has_turn:
            self._wait(ticket, queue, call)
        started = time.perf_counter()
        try:
            call.check()
            yield
        finally:
            self._pass_on(time.perf_counter() - started)

    def _wait(self, ticket: _Ticket, queue: deque[_Ticket], call: Call) -> None:
        call.when_ended(ticket.called.set)
        ticket.called.wait()
        with self._lock:
            if not ticket.has_turn:  # called because the call has ended
                queue.remove(ticket)
                raise CallEnded

    def _pass_on(self, took_s: float) -> None:
        with self._lock:
            self._mean_s += _MEMORY * (took_s - self._mean_s)
            queue = self._next_queue()
            if queue:
                self._give(queue.popleft())
            else:
                self._free += 1
            self._metrics.waiting(len(self._singles))

    def _next_queue(self) -> deque[_Ticket]:
        if self._singles and (self._in_a_row < SINGLES_AN_ENTRY or not self._entries):
            self._in_a_row += 1
            return self._singles
        self._in_a_row = 0
        return self._entries
