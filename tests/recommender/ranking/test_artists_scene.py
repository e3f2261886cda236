"""From rows of listings to the default ranking: what a stronger listing does, and what a new artist may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.sparse import csr_array

from indexer.build.contents import scene_flags, scene_matrix
from indexer.build.scene_walk import scene_graph, scene_walk
from recommender.catalog.rows import SceneEdge, SceneList
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from tests.factories import MadeArtist, MadeCatalog, make_generation

ARTISTS, GROUP = 120, 12
TOLERANCE = 0.02
"""Most that a score may change when an artist joins who is listed with none of the two. Only the weights of sources
move: each counts by the share of artists that it knows (docs/methods.md, "Scene walk")."""


def name(number: int) -> str:
    return f"a{number:03d}"


@cache
def listings(seed: int) -> tuple[SceneEdge, ...]:
    """Lists with ranks of most artists, and of a few artists lists with strengths by another source."""
    random = np.random.default_rng(seed)
    edges = []
    for number in range(ARTISTS):
        near = number // GROUP * GROUP + random.permutation(GROUP)[:5]
        others = [int(other) for other in (*near, *random.integers(0, ARTISTS, 2)) if other != number]
        places = enumerate(dict.fromkeys(others), start=1)
        if random.random() < 0.7:
            edges += [_edge(number, other, "ranked", rank=place) for place, other in places]
        if random.random() < 0.3:
            strong = random.uniform(0.5, 9.0, size=len(others))
            pairs = zip(dict.fromkeys(others), strong.tolist(), strict=False)
            edges += [_edge(number, other, "measured", strength=strength) for other, strength in pairs]
    return tuple(edges)


def _edge(a: int, b: int, source: str, *, rank: int | None = None, strength: float | None = None) -> SceneEdge:
    return SceneEdge(artist_id=name(a), neighbour_id=name(b), source=source, rank=rank, strength=strength)


def recommender_of(edges: Sequence[SceneEdge], artists: int = ARTISTS) -> Recommender:
    return Recommender(generation_of(edges, artists))


def generation_of(edges: Sequence[SceneEdge], artists: int) -> Generation:
    """A generation whose relations are made as a build makes them; genres are the groups, for two of three artists."""
    made = make_generation(
        MadeCatalog(
            artists=tuple(
                MadeArtist(
                    id=name(number),
                    name=name(number),
                    genres={f"genre {number // GROUP}": 1.0, f"other {number % 5}": 0.5} if number % 3 else {},
                )
                for number in range(artists)
            )
        )
    )
    rows = {name(number): number for number in range(artists)}
    lists = {(edge.artist_id, edge.source): SceneList(artist_id=edge.artist_id, source=edge.source) for edge in edges}
    mentioned, listed = scene_flags(lists.values(), edges, rows)
    relations = replace(
        made.contents.relations,
        scene_strengths=scene_matrix(edges, rows),
        scene_walk=scene_walk(scene_graph(edges, rows)),
        scene_mentioned=mentioned,
        scene_listed=listed,
    )
    return replace(made, contents=replace(made.contents, relations=relations))


def places_and_scores(recommender: Recommender, seed: int) -> dict[int, tuple[int, float]]:
    """Row -> place and score, by the default profile."""
    asked = ArtistQuery(seeds=(seed,), mix=recommender.default_mix)
    found = recommender.rank_artists(asked, offset=0, n=ARTISTS)
    return {one.row: (place, one.score) for place, one in enumerate(found)}


@pytest.mark.parametrize("times", [1.5, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_stronger_listing_never_lowers_the_rank_of_its_artist(seed: int, times: float) -> None:
    """Asked from both ends while another is the strongest of the list, and else from the end that gave the list.

    Strengths are read relative to the strongest: when that one is raised, all others of the list are lowered instead.
    """
    edges = listings(seed)
    before = recommender_of(edges)
    measured = [place for place, edge in enumerate(edges) if edge.strength is not None]
    raised = 0
    for place in measured[:: max(1, len(measured) // 15)]:
        edge = edges[place]
        stronger = times * (edge.strength or 0.0)
        after = recommender_of([*edges[:place], replace(edge, strength=stronger), *edges[place + 1 :]])
        ends = (edge.artist_id, edge.neighbour_id)
        is_below = stronger <= _strongest(edges, edge)
        for one, other in (ends, ends[::-1]) if is_below else (ends,):
            old, new = (places_and_scores(each, int(one[1:]))[int(other[1:])] for each in (before, after))
            assert new[0] <= old[0], (one, other)
            assert new[1] >= old[1] - 1e-6 or not is_below, (one, other)
            raised += new[1] > old[1] + 1e-6
    assert raised > 5


@pytest.mark.parametrize("times", [1.5, 3.0])
@pytest.mark.parametrize("seed", range(2))
def test_a_heavier_step_of_the_walk_never_lowers_the_rank_of_its_artist(seed: int, times: float) -> None:
    edges = listings(seed)
    made = generation_of(edges, ARTISTS)
    graph = scene_graph(edges, {name(number): number for number in range(ARTISTS)})
    rows, columns = graph.nonzero()
    before = Recommender(made)
    for place in range(0, len(rows), len(rows) // 20):
        dense = graph.toarray()
        a, b = int(rows[place]), int(columns[place])
        dense[a, b] = dense[b, a] = times * dense[a, b]
        walked = replace(made.contents.relations, scene_walk=scene_walk(csr_array(dense)))
        after = Recommender(replace(made, contents=replace(made.contents, relations=walked)))
        old, new = (places_and_scores(each, a)[b] for each in (before, after))
        assert new[0] <= old[0], (a, b)
        assert new[1] >= old[1] - 1e-6, (a, b)


def _strongest(edges: Sequence[SceneEdge], edge: SceneEdge) -> float:
    """The largest strength of the list that ``edge`` is in, but for its own."""
    same = [one for one in edges if (one.artist_id, one.source) == (edge.artist_id, edge.source) and one is not edge]
    return max((one.strength or 0.0 for one in same), default=0.0)


@pytest.mark.parametrize("seed", range(3))
def test_a_better_rank_never_lowers_the_place_of_its_artist(seed: int) -> None:
    edges = listings(seed)
    before = recommender_of(edges)
    ranked = [place for place, edge in enumerate(edges) if (edge.rank or 0) > 3]
    for place in ranked[:: max(1, len(ranked) // 10)]:
        edge = edges[place]
        better = recommender_of([*edges[:place], replace(edge, rank=1), *edges[place + 1 :]])
        row = int(edge.neighbour_id[1:])
        old, new = (places_and_scores(each, int(edge.artist_id[1:]))[row] for each in (before, better))
        assert new[0] <= old[0]
        assert new[1] >= old[1] - 1e-6


def scores(recommender: Recommender) -> np.ndarray:
    """``[artist, artist]`` scores of the first artists by the default profile; NaN without one, and with oneself."""
    found = np.full((ARTISTS, ARTISTS), np.nan)
    for seed in range(0, ARTISTS, 7):
        for row, (_, score) in places_and_scores(recommender, seed).items():
            if row < ARTISTS:
                found[seed, row] = score
    return found


@pytest.mark.parametrize("source", ["ranked", "measured", "new"])
@pytest.mark.parametrize("seed", range(2))
def test_an_artist_who_is_listed_with_nobody_here_changes_no_score_by_more_than_is_said(seed: int, source: str) -> None:
    edges = listings(seed)
    newcomers = [_edge(ARTISTS, ARTISTS + 1, source, rank=1)]
    before, after = scores(recommender_of(edges)), scores(recommender_of([*edges, *newcomers], ARTISTS + 2))
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    moved = np.nanmax(np.abs(after - before))
    assert moved <= TOLERANCE


@pytest.mark.parametrize("seed", range(2))
def test_without_a_second_source_such_an_artist_changes_no_score_at_all(seed: int) -> None:
    edges = [edge for edge in listings(seed) if edge.source == "ranked"]
    newcomers = [_edge(ARTISTS, ARTISTS + 1, "ranked", rank=1)]
    before, after = scores(recommender_of(edges)), scores(recommender_of([*edges, *newcomers], ARTISTS + 2))
    np.testing.assert_array_equal(after, before)
