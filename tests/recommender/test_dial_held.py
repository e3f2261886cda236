"""A depth is within the dial, both ends of it included, or it is refused."""

from __future__ import annotations

import math

import pytest

from recommender.ranking.popularity import checked_depth
from recommender.errors import InvalidArgument


@pytest.mark.parametrize("depth", [0.0, 0.25, 0.5, 1.0])
def test_a_depth_on_the_dial_is_given_back_as_it_is(depth: float) -> None:
    assert checked_depth(depth) == depth


@pytest.mark.parametrize(
    "depth", [math.nextafter(0.0, -1.0), -1.0, -math.inf, math.nextafter(1.0, 2.0), 2.0, math.inf, math.nan]
)
def test_a_depth_off_the_dial_is_refused_however_little_it_is_off(depth: float) -> None:
    with pytest.raises(InvalidArgument, match="depth"):
        checked_depth(depth)
