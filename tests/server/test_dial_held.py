"""The dial has two ends, and both of them can be asked for; nothing beyond them can, wherever it is asked."""

from __future__ import annotations

import math

import pytest

from pb import soundkin_pb2 as pb
from tests.server.asking import by_id, refusal
from tests.server.conftest import Served

BEYOND = (math.nextafter(1.0, 2.0), math.nextafter(0.0, -1.0), 2.0, -1.0, math.inf, -math.inf, math.nan)


def turned(depth: float) -> pb.SimilarArtistsRequest:
    return pb.SimilarArtistsRequest(seeds=by_id("a"), depth=depth)


@pytest.mark.parametrize("depth", [0.0, -0.0, 1.0])
def test_both_ends_of_the_dial_are_answered(made: Served, depth: float) -> None:
    assert all(one.HasField("order_key") for one in made.stub.SimilarArtists(turned(depth)).artists)


@pytest.mark.parametrize("depth", BEYOND)
def test_whatever_lies_beyond_an_end_of_the_dial_is_refused(made: Served, depth: float) -> None:
    refused = refusal(made.stub.SimilarArtists, turned(depth))
    assert (refused.code.name, refused.reason, refused.field) == ("INVALID_ARGUMENT", "INVALID_ARGUMENT", "depth")
    assert "within [0, 1]" in refused.message


def test_one_of_a_batch_with_a_depth_beyond_fails_alone(made: Served) -> None:
    request = pb.BatchSimilarArtistsRequest(requests=[turned(depth) for depth in (1.0, *BEYOND)])
    first, *others = made.stub.BatchSimilarArtists(request).entries
    assert first.response.artists
    assert [(one.code, one.message.startswith("depth")) for one in others] == [(3, True)] * len(BEYOND)
