"""What the signals say together: the same of few as of everyone, and certain only of an artist with itself."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.ranking.artists import Recommender
from recommender.types import Scale
from tests.calibrated import ARTISTS, SILENT, calibrated

EVERYONE = ARTISTS + SILENT
MIXES = ({"low": 1.0}, {"low": 0.75, "high": 0.25})


@pytest.mark.parametrize("scale", list(Scale))
@pytest.mark.parametrize("mix", MIXES, ids=["one layer", "two layers"])
def test_few_are_read_as_everyone_is_to_the_bit(scale: Scale, mix: dict[str, float]) -> None:
    panel, rng = Recommender(calibrated()).panel(mix), np.random.default_rng(0)
    for seed in range(EVERYONE):
        whole, rows = panel.read(seed, scale), rng.permutation(EVERYONE)[: rng.integers(EVERYONE)]
        np.testing.assert_array_equal(panel.read(seed, scale, rows), whole[:, rows])
        np.testing.assert_array_equal(panel.scores((seed,), rows, scale)[0].read, whole[:, rows])


def test_an_artist_stands_at_one_with_itself_where_it_is_known_though_others_reach_the_same_opinion() -> None:
    panel = Recommender(calibrated()).panel()
    known = np.stack([signal.known for signal in panel.signals.values()])
    for seed in range(EVERYONE):
        for rows in (None, np.array([seed, (seed + 5) % EVERYONE])):
            read = panel.read(seed, Scale.PERCENTILES, rows)
            own = read[:, seed if rows is None else 0]
            np.testing.assert_array_equal(own, np.where(known[:, seed], 1.0, np.nan))
    genre = list(panel.signals.values())[2]
    twins = np.flatnonzero(genre.value(genre.raw(0)) == 1.0)
    assert twins.tolist() == [0, 30, 60], "two others have its genres"
    assert (panel.read(0, Scale.PERCENTILES)[2, twins] < 1.0).tolist() == [False, True, True]
