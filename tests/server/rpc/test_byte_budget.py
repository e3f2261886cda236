"""Bytes of clips that all requests together may hold."""

from __future__ import annotations

import pytest

from recommender.errors import Overloaded
from server.metrics import Metrics
from server.rpc.byte_budget import ByteBudget


def test_what_one_request_holds_is_not_there_for_another_until_it_ends() -> None:
    metrics = Metrics()
    budget = ByteBudget(metrics, most=10)
    with budget.share() as one:
        one.take(4)
        with budget.share() as other:
            other.take(6)
            with pytest.raises(Overloaded, match="are being worked on"):
                one.take(1)
        one.take(6)
    with budget.share() as next_one:
        next_one.take(10)
    assert metrics.registry.get_sample_value("soundkin_refused_total", {"reason": "audio"}) == 1


def test_all_is_given_back_when_a_request_fails() -> None:
    budget = ByteBudget(Metrics(), most=10)

    def fail() -> None:
        with budget.share() as share:
            share.take(10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with budget.share() as share:
        share.take(10)
    budget.trim()
