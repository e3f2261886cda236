"""Genres, scene and collaborations: idempotent writes and ordered reads, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistGenre, ArtistPopularity, Collaboration, SceneEdge, SceneList, Source
from recommender.errors import CatalogError, InvalidArgument, NotFound
from tests.catalog_rows import add_artist


@pytest.fixture
def ids(catalog: Catalog) -> list[str]:
    catalog.ensure_source("map", "none")
    return sorted(add_artist(catalog, name) for name in ("Low", "Mono", "Clark"))


def test_a_source_keeps_the_licence_it_spoke_under(catalog: Catalog, ids: list[str]) -> None:
    catalog.ensure_source("dump", "CC0-1.0")
    catalog.add_genres([ArtistGenre(artist_id=ids[0], genre="rock", source="dump", weight=1.0)])
    catalog.ensure_source("dump", "CC0-1.0")
    with pytest.raises(InvalidArgument, match=r"CC0-1\.0, not CC-BY-NC-4\.0; .*soundkin import forget dump"):
        catalog.ensure_source("dump", "CC-BY-NC-4.0")
    assert catalog.read_sources() == [Source(name="dump", licence="CC0-1.0")]


def test_a_source_that_said_nothing_does_not_count_and_may_take_another_licence(
    catalog: Catalog, ids: list[str]
) -> None:
    catalog.ensure_source("dump", "none")
    assert catalog.read_sources() == []
    catalog.ensure_source("dump", "own")
    catalog.add_scene_lists([SceneList(source="dump", artist_id=ids[0])])
    assert catalog.read_sources() == [Source(name="dump", licence="own")]


def test_every_kind_of_row_makes_its_source_count(catalog: Catalog, ids: list[str]) -> None:
    one, two, _ = ids
    for name in "abcde":
        catalog.ensure_source(name, "own")
    catalog.add_genres([ArtistGenre(artist_id=one, genre="x", source="a", weight=1.0)])
    catalog.add_scene_lists([SceneList(source="b", artist_id=one)])
    catalog.add_scene_edges([SceneEdge(source="c", artist_id=one, neighbour_id=two)])
    catalog.add_collaborations(
        [Collaboration(artist_a=one, artist_b=two, kind="joint", title="", credited=2, source="d")]
    )
    catalog.add_popularity([ArtistPopularity(artist_id=one, source="e", value=0.0)])
    assert [source.name for source in catalog.read_sources()] == ["a", "b", "c", "d", "e"]
    assert [catalog.forget_source(name) for name in "abcde"] == [1, 1, 1, 1, 1]
    assert catalog.read_sources() == []
    rows = (
        catalog.read_genres(),
        catalog.read_scene_lists(),
        catalog.read_scene_edges(),
        catalog.read_collaborations(),
        catalog.read_popularity(),
    )
    assert rows == ([], [], [], [], [])


def test_popularity_is_one_number_an_artist_and_source(catalog: Catalog, ids: list[str]) -> None:
    catalog.ensure_source("fans", "own")
    rows = [ArtistPopularity(artist_id=one, source=name, value=5.0) for one in ids[:2] for name in ("fans", "map")]
    assert catalog.add_popularity(rows).states == ("new",) * 4
    changed = [rows[0], replace(rows[1], value=6.5)]
    assert catalog.add_popularity(changed).states == ("unchanged", "changed")
    assert catalog.read_popularity() == [*changed, *rows[2:]]


def test_forgetting_takes_back_one_source_only(catalog: Catalog, ids: list[str]) -> None:
    for name in ("one", "two"):
        catalog.ensure_source(name, "none")
        catalog.add_genres([ArtistGenre(artist_id=ids[0], genre="rock", source=name, weight=1.0)])
    assert catalog.forget_source("one") == 1
    assert [row.source for row in catalog.read_genres()] == ["two"]
    assert len(catalog.read_artists()) == 3
    with pytest.raises(NotFound, match="known are: map, two"):
        catalog.forget_source("one")


@pytest.mark.parametrize(("name", "licence"), [("", "own"), ("x" * 65, "own"), ("a\nb", "own"), ("a", " ")])
def test_a_source_needs_a_name_and_a_licence_that_fit(catalog: Catalog, name: str, licence: str) -> None:
    with pytest.raises(InvalidArgument):
        catalog.ensure_source(name, licence)


def test_genres_written_twice_are_there_once_and_a_new_weight_stands(catalog: Catalog, ids: list[str]) -> None:
    rows = [ArtistGenre(artist_id=i, genre="slowcore", source="map", weight=1.5) for i in ids]
    assert catalog.add_genres(rows).states == ("new", "new", "new")
    changed = [replace(rows[0], weight=2.0), *rows[1:]]
    assert catalog.add_genres(changed).states == ("changed", "unchanged", "unchanged")
    assert catalog.read_genres() == changed


def test_scene_edges_keep_rank_and_strength_or_that_there_is_none(catalog: Catalog, ids: list[str]) -> None:
    low, mono, clark = ids
    edges = [
        SceneEdge(source="map", artist_id=low, neighbour_id=mono, rank=1, strength=9.31),
        SceneEdge(source="map", artist_id=low, neighbour_id=clark),
        SceneEdge(source="map", artist_id=mono, neighbour_id=low, rank=3),
    ]
    assert catalog.add_scene_edges(edges).written == 3
    assert catalog.add_scene_edges(edges).written == 0
    assert catalog.read_scene_edges() == edges
    lists = [SceneList(source="map", artist_id=i) for i in (low, mono)]
    assert catalog.add_scene_lists(lists).states == ("new", "new")
    assert catalog.add_scene_lists(lists).states == ("unchanged", "unchanged")
    assert catalog.read_scene_lists() == lists


def test_collaborations_do_not_care_who_comes_first(catalog: Catalog, ids: list[str]) -> None:
    low, mono, _ = ids
    row = Collaboration(artist_a=mono, artist_b=low, kind="joint", title="Song", credited=2, source="map")
    assert catalog.add_collaborations([row]).states == ("new",)
    turned = replace(row, artist_a=low, artist_b=mono)
    assert catalog.add_collaborations([turned]).states == ("unchanged",)
    assert catalog.add_collaborations([replace(row, credited=4)]).states == ("changed",)
    assert catalog.add_collaborations([replace(row, title="")]).states == ("new",)
    assert catalog.read_collaborations() == [replace(turned, title=""), replace(turned, credited=4)]


def test_rows_the_tables_forbid_are_a_catalog_error_and_leave_nothing(catalog: Catalog, ids: list[str]) -> None:
    good = ArtistGenre(artist_id=ids[0], genre="a", source="map", weight=1.0)
    for bad in (replace(good, weight=0.0), replace(good, source="unheard of"), replace(good, artist_id="nobody")):
        with pytest.raises(CatalogError):
            catalog.add_genres([good, bad])
    assert catalog.read_genres() == []


def test_many_rows_are_written_and_read_whole_in_one_order(catalog: Catalog, ids: list[str]) -> None:
    names = [f"{letter}{number}" for letter in "aÄzZ-_ " for number in range(500)]
    rows = [ArtistGenre(artist_id=ids[0], genre=name, source="map", weight=1.0) for name in names]
    assert catalog.add_genres(rows).written == 3500
    assert [row.genre for row in catalog.read_genres()] == sorted(names)
