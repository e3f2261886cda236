"""Whom the person does not like is never answered, however the question is put."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recommender.retrieval.filters import PopularityBand
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from tests.calibrated import ARTISTS, SILENT, calibrated, plain
from tests.recommender.test_candidates import FEW, recommender as with_candidates

EVERYONE = ARTISTS + SILENT
AGAINST = (1, 7, 12)
"""Artist 12 sounds like artist 0 and is of its genre; the others do not."""


@pytest.mark.parametrize("generation", [plain(), calibrated()], ids=["plain", "calibrated"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seeds": (0, 5)},
        {"seeds": (0, 12)},
        {"keep_seeds": True},
        {"seeds": (0, 12), "keep_seeds": True},
        {"candidates": frozenset(range(30))},
        {"candidates": frozenset(range(30)), "keep_seeds": True},
        {"depth": 1.0},
        {"min_tracks": 3, "exclude": frozenset({2})},
    ],
    ids=[
        "one seed",
        "two seeds",
        "a seed that is disliked too",
        "seeds kept",
        "such a seed kept",
        "a line-up",
        "a line-up with its seeds",
        "a turned dial",
        "filters",
    ],
)
def test_a_negative_seed_is_never_among_the_answers(changes: dict[str, object], generation: Generation) -> None:
    ours = Recommender(generation)
    query = replace(ArtistQuery(seeds=(0,), mix={"low": 1.0}), **changes)  # type: ignore[arg-type]  # fields by name
    unlike = replace(query, negative_seeds=AGAINST)
    asked_for, found = (ours.order_artists(each, n=EVERYONE).tolist() for each in (query, unlike))
    given_up = set(AGAINST) - (set() if query.keep_seeds else set(query.seeds))
    assert given_up <= set(asked_for), "each of them would be answered if it were not disliked"
    assert sorted(found) == sorted(set(asked_for) - set(AGAINST))
    assert [artist.row for artist in ours.rank_artists(unlike, offset=0, n=EVERYONE)] == found


def test_a_negative_seed_is_not_brought_back_by_candidates_or_by_pages() -> None:
    query = ArtistQuery(seeds=(0,), mix={"low": 1.0}, negative_seeds=AGAINST)
    ours = with_candidates(FEW)
    pages = [ours.rank_artists(query, offset=at, n=7) for at in range(0, EVERYONE, 7)]
    rows = [artist.row for page in pages for artist in page]
    assert set(AGAINST).isdisjoint(rows)
    assert len(rows) == len(set(rows)) == EVERYONE - len(AGAINST) - 1


@pytest.mark.parametrize("row", [0, 4, 24])
def test_both_edges_of_a_band_of_popularity_belong_to_it(row: int) -> None:
    ours = Recommender(calibrated())
    edge = float(ours.popularity[row])
    query = ArtistQuery(seeds=(1,), mix={"low": 1.0})

    def within(least: float | None, most: float | None) -> set[int]:
        band = replace(query, popularity=PopularityBand(least=least, most=most))
        return {artist.row for artist in ours.rank_artists(band, offset=0, n=EVERYONE)}

    alike = {each for each in range(EVERYONE) if ours.popularity[each] == edge}
    assert row in alike
    assert within(edge, edge) == alike
    assert within(None, edge) | within(edge, None) == within(0.0, 1.0)
    assert within(None, edge) & within(edge, None) == alike
