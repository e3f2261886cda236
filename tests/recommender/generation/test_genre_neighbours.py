"""Orders of artists by genre, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from recommender.generation.genre_neighbours import GenreNeighbours, genre_orders

ROCK, INDIE, POLKA = range(3)
TAGS = np.array(
    [
        [1.0, 0.0, 0.0],  # rock
        [1.0, 0.5, 0.0],  # rock and indie
        [1.0, 0.0, 0.5],  # rock and polka
        [1.0, 0.5, 0.0],
        [0.25, 0.0, 0.0],
        [1.0, 0.0, 0.5],
        [0.0, 0.5, 0.0],
    ]
)
"""Polka has 2 artists, indie 3, rock 6: in that order from rare to common."""


def _around(orders: GenreNeighbours, weights: csr_array, row: int, width: int) -> list[int]:
    entries = slice(*weights.indptr[row : row + 2].tolist())
    found: list[int] = orders.around(entries, weights.indices[entries], width=width).tolist()
    return found


def test_in_a_genre_those_with_the_same_others_stand_together_and_then_go_by_weight() -> None:
    orders = genre_orders(csr_array(TAGS))
    lists = [part.tolist() for part in np.split(orders.artists, orders.starts[1:-1])]
    assert lists[ROCK] == [2, 5, 1, 3, 4, 0], "with polka, with indie, alone by weight"
    assert lists[INDIE] == [6, 1, 3], "alone: followed by itself, which is rarer than rock"
    assert lists[POLKA] == [2, 5]


def test_every_entry_of_the_matrix_knows_its_place() -> None:
    weights = csr_array(TAGS)
    orders = genre_orders(weights)
    artist = np.repeat(np.arange(len(TAGS)), np.diff(weights.indptr))
    assert orders.artists[orders.places].tolist() == artist.tolist()
    genre = np.searchsorted(orders.starts, orders.places, side="right") - 1
    assert genre.tolist() == weights.indices.tolist()


def test_the_nearest_places_of_every_genre_are_looked_at_and_more_on_one_side_where_the_other_ends() -> None:
    weights = csr_array(TAGS)
    orders = genre_orders(weights)
    assert _around(orders, weights, 3, 1) == [1, 3, 4, 6], "1 and 4 in rock, 6 and 1 in indie, whose end it is"
    assert _around(orders, weights, 0, 1) == [0, 3, 4], "the last of rock: two before it"
    assert _around(orders, weights, 2, 100) == [0, 1, 2, 3, 4, 5]


def test_an_artist_without_genres_has_nobody_around() -> None:
    weights = csr_array(np.vstack([TAGS, np.zeros(3)]))
    assert _around(genre_orders(weights), weights, 7, 5) == []


def test_they_come_back_as_they_were_saved(tmp_path: Path) -> None:
    orders = genre_orders(csr_array(TAGS))
    orders.save(tmp_path, "orders")
    loaded = GenreNeighbours.load(tmp_path, "orders")
    for name in ("starts", "artists", "places"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(orders, name))
        assert getattr(loaded, name).dtype == getattr(orders, name).dtype


@pytest.mark.parametrize(
    ("name", "number"), [("artists", 7), ("artists", -1), ("places", 11), ("places", -1), ("starts", 99), ("starts", 0)]
)
def test_orders_that_lead_out_of_the_matrix_do_not_fit_it(name: str, number: int) -> None:
    orders = genre_orders(csr_array(TAGS))
    assert orders.fits(artists=7, genres=3, entries=11)
    assert not orders.fits(artists=7, genres=3, entries=12)
    wrong = getattr(orders, name).copy()
    wrong[2] = number  # the third start is 9: 0 would go back
    assert not replace(orders, **{name: wrong}).fits(artists=7, genres=3, entries=11)
