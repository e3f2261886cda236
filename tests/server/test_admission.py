"""Turns at computing: order, what is refused on arrival, and that a place is given up when its client goes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest

from recommender.errors import Overloaded
from server.admission import MAX_BATCHES, MAX_WAITING, SINGLES_AN_ENTRY, Admission
from server.call import Call, CallEnded
from server.metrics import Metrics, Refusal
from tests.server.ask import eventually
from tests.server.fake_context import FakeContext


class Desk:
    """An admission whose one turn is held, requests that wait for it, and the order in which they came to it."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.metrics = Metrics()
        self.admission = Admission(self.metrics)
        self.served: list[str] = []
        self._pool = pool
        self._release = threading.Event()
        self._asked = 0
        held = threading.Event()

        def hold() -> None:
            with self.admission.turn(Call(FakeContext())):
                held.set()
                self._release.wait(30)

        self._holding = pool.submit(hold)
        assert held.wait(30)

    def waiting(self) -> int:
        return len(self.admission._singles) + len(self.admission._entries)

    def ask(
        self, name: str, way: Callable[[Call], AbstractContextManager[None]], context: FakeContext | None = None
    ) -> Future[None]:
        """Wait for a turn in another thread; returns once it is in the queue."""

        def work() -> None:
            with way(Call(context or FakeContext())):
                self.served.append(name)

        self._asked = self.waiting() + 1
        asked = self._pool.submit(work)
        eventually(lambda: self.waiting() == self._asked)
        return asked

    def refusals(self, why: Refusal) -> float | None:
        return self.metrics.registry.get_sample_value("soundkin_refused_total", {"reason": why.value})

    def let_go(self) -> None:
        self._release.set()
        self._holding.result(30)


def test_turns_come_in_order_of_arrival_and_entries_of_batches_after_single_requests() -> None:
    with ThreadPoolExecutor(8) as pool:
        desk = Desk(pool)
        entry = desk.ask("entry", desk.admission.entry)
        singles = [desk.ask(f"single {place}", desk.admission.turn) for place in range(3)]
        desk.let_go()
        for asked in (entry, *singles):
            asked.result(30)
    assert desk.served == ["single 0", "single 1", "single 2", "entry"]


def test_a_batch_goes_on_although_single_requests_never_cease() -> None:
    with ThreadPoolExecutor(32) as pool:
        desk = Desk(pool)
        desk.admission._mean_s = 1e-6
        asked = [desk.ask("entry", desk.admission.entry)]
        asked += [desk.ask("single", desk.admission.turn) for _ in range(2 * SINGLES_AN_ENTRY)]
        desk.let_go()
        for one in asked:
            one.result(30)
    assert desk.served.index("entry") == SINGLES_AN_ENTRY


def test_one_that_would_wait_too_long_is_refused_at_once_and_others_are_not_harmed() -> None:
    with ThreadPoolExecutor(4) as pool:
        desk = Desk(pool)
        first = desk.ask("first", desk.admission.turn)
        desk.admission._mean_s = 0.6
        with (
            pytest.raises(Overloaded, match="1 requests wait already; try again"),
            desk.admission.turn(Call(FakeContext())),
        ):
            pass
        desk.admission._mean_s = 0.02
        with (
            pytest.raises(Overloaded, match="too late for your deadline"),
            desk.admission.turn(Call(FakeContext(left_s=0.05))),
        ):
            pass
        assert (desk.refusals(Refusal.QUEUE), desk.refusals(Refusal.DEADLINE)) == (1, 1)
        desk.let_go()
        first.result(30)
    assert desk.served == ["first"]


def test_an_empty_queue_takes_a_request_however_slow_the_last_ones_were() -> None:
    with ThreadPoolExecutor(2) as pool:
        desk = Desk(pool)
        desk.admission._mean_s = 1000.0
        asked = desk.ask("first", desk.admission.turn)
        desk.let_go()
        asked.result(30)
    assert desk.served == ["first"]


def test_so_many_wait_and_no_more() -> None:
    with ThreadPoolExecutor(MAX_WAITING + 1) as pool:
        desk = Desk(pool)
        desk.admission._mean_s = 1e-6
        asked = [desk.ask("one", desk.admission.turn) for _ in range(MAX_WAITING)]
        with pytest.raises(Overloaded), desk.admission.turn(Call(FakeContext())):
            pass
        desk.let_go()
        for one in asked:
            one.result(30)


def test_a_client_that_goes_gives_up_its_place_and_the_turn_passes_on() -> None:
    with ThreadPoolExecutor(4) as pool:
        desk = Desk(pool)
        gone = FakeContext()
        leaving = desk.ask("gone", desk.admission.turn, gone)
        staying = desk.ask("stays", desk.admission.turn)
        gone.end()
        with pytest.raises(CallEnded):
            leaving.result(30)
        assert desk.waiting() == 1
        desk.let_go()
        staying.result(30)
    assert desk.served == ["stays"]


def test_work_that_fails_gives_its_turn_back() -> None:
    admission = Admission(Metrics())
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), admission.turn(Call(FakeContext())):
            raise ZeroDivisionError
    with pytest.raises(CallEnded), admission.turn(Call(FakeContext(left_s=0.0))):
        pass
    with admission.turn(Call(FakeContext())):
        pass


def test_so_many_batches_and_no_more() -> None:
    admission = Admission(Metrics())
    held = [admission.batch() for _ in range(MAX_BATCHES)]
    for one in held:
        one.__enter__()
    with pytest.raises(Overloaded, match="batches are being answered"), admission.batch():
        pass
    held[0].__exit__(None, None, None)
    with admission.batch():
        pass
