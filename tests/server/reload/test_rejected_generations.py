"""What was rejected is left alone for a while, longer each time, and remembered only so long."""

from __future__ import annotations

import pytest

from server.reload.load_generation import MAX_REMEMBERED, MAX_RETRY_S, RETRY_S, RejectedGenerations


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_was_never_rejected_is_due(clock: Clock) -> None:
    assert RejectedGenerations(clock).due("a")


def test_each_rejection_doubles_the_wait_up_to_an_hour(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    waits = []
    for _ in range(10):
        rejections.add("a")
        started = clock.now
        while not rejections.due("a"):
            clock.now += RETRY_S / 2
        waits.append(clock.now - started)
    assert waits[:4] == [30.0, 60.0, 120.0, 240.0]
    assert waits[-1] == MAX_RETRY_S


def test_only_the_first_rejection_is_news(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    assert [rejections.add(key) for key in ("a", "b", "a")] == [True, True, False]


def test_another_generation_is_due_at_once(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    rejections.add("a")
    assert (rejections.due("a"), rejections.due("b")) == (False, True)


def test_what_turned_out_well_starts_afresh(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    rejections.add("a")
    rejections.add("a")
    rejections.forget("a")
    assert rejections.due("a")
    assert rejections.add("a")
    clock.now += RETRY_S
    assert rejections.due("a")


def test_the_oldest_rejections_are_forgotten(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    for number in range(MAX_REMEMBERED + 1):
        rejections.add(str(number))
    assert rejections.due("0")
    assert not rejections.due("1")
