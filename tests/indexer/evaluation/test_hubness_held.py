"""Skewness of counts by hand, where the standard deviation is not 1 and so no power of it can hide."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluation.measures.hubness import hubness, skewness


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # mean 1, deviations 3 -1 -1 -1: variance 12/4 = 3, third moment 24/4 = 6, so 6 / 3^1.5
        ([4, 0, 0, 0], 6 / math.sqrt(27)),
        # the same about 5, upside down: deviations -3 1 1 1
        ([2, 6, 6, 6], -6 / math.sqrt(27)),
        # mean 3, deviations 6 0 -3 -3: variance 54/4 = 13.5, third moment 162/4 = 40.5, so 40.5 / 13.5^1.5
        ([9, 3, 0, 0], 40.5 / math.sqrt(13.5**3)),
        # mean 2, deviations -2 0 2: symmetric
        ([0, 2, 4], 0.0),
    ],
)
def test_skewness_is_the_third_moment_over_the_cube_of_the_deviation(counts: list[int], expected: float) -> None:
    assert skewness(np.array(counts)) == pytest.approx(expected, rel=1e-12)
    assert hubness(np.array(counts), k=1).skewness == pytest.approx(expected, rel=1e-12)


def test_skewness_does_not_depend_on_how_much_is_counted() -> None:
    counts = np.array([7, 1, 0, 0, 2])
    assert skewness(10 * counts) == pytest.approx(skewness(counts), rel=1e-12)
    assert skewness(counts + 5) == pytest.approx(skewness(counts), rel=1e-12)
