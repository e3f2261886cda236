"""A line-up in order for many users: each ranking is the one that the same query gives alone, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.ranking import line_up as module
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.line_up import LineUp, Taste
from tests.generated import generated, mixes

TASTES = [
    Taste(seeds=(3,)),
    Taste(seeds=(3, 9, 12), negative_seeds=(10,)),
    Taste(seeds=(65,)),  # nobody knows anything of it
    Taste(seeds=(12,), negative_seeds=(3, 40)),
]
ROWS = np.arange(0, 60, 3)


@pytest.mark.parametrize("block", [1, 100, module.BLOCK])
@pytest.mark.parametrize("profile", ["evidence", "seed", "fitted"])
@pytest.mark.parametrize("mix", mixes(), ids=str)
def test_each_ranking_is_that_of_the_query_alone_to_the_bit(
    monkeypatch: pytest.MonkeyPatch, block: int, profile: str, mix: dict[str, float]
) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    recommender = Recommender(generated(2))
    weights = recommender.choices.named[profile]
    rankings = list(LineUp(recommender=recommender, rows=ROWS, mix=mix, weights=weights).rank(TASTES, n=5))
    for taste, ranking in zip(TASTES, rankings, strict=True):
        query = ArtistQuery(
            seeds=taste.seeds,
            negative_seeds=taste.negative_seeds,
            mix=mix,
            weights=weights,
            keep_seeds=True,
            candidates=frozenset(ROWS.tolist()),
        )
        alone = recommender.rank_artists(query, offset=0, n=len(ROWS))
        assert ranking.rows.tolist() == [scored.row for scored in alone]
        assert ranking.scores.tolist() == [scored.score for scored in alone]
        assert [(one.row, one.score) for one in ranking.first] == [(one.row, one.score) for one in alone[:5]]
        contributions = [[line.contribution for line in one.breakdown] for one in ranking.first]
        assert contributions == [[line.contribution for line in one.breakdown] for one in alone[:5]]
    assert len(rankings[0].rows) > 5


def test_a_line_up_of_nobody_is_ranked_as_such() -> None:
    recommender = Recommender(generated(0))
    weights = recommender.choices.default
    empty = LineUp(recommender=recommender, rows=ROWS[:0], mix=recommender.default_mix, weights=weights)
    (ranking,) = empty.rank(TASTES[:1], n=5)
    assert (len(ranking.rows), ranking.first) == (0, [])
