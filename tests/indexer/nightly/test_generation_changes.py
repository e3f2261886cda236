"""What changed between two generations, on vectors whose cosines are known by hand."""

from __future__ import annotations

import pytest

from indexer.nightly.generation_changes import NamedArtist, changes_between
from recommender.generation.open_generation import Generation
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_generation, make_space

NORTH, EAST = (0.0, 1.0), (1.0, 0.0)
COS_8 = (0.6, 0.8)
"""At a cosine of 0.8 to north."""
NEARLY = (0.1, 0.995)
"""At a cosine of 0.995 to north, near enough."""


def artist(key: str, *vectors: tuple[float, float]) -> MadeArtist:
    """One artist with a track for each vector, which is the same in both layers."""
    tracks = [
        MadeTrack(id=f"{key}{number}", title=f"{number}", vectors={"low": vector, "high": vector})
        for number, vector in enumerate(vectors)
    ]
    return MadeArtist(id=key, name=key.upper(), tracks=tuple(tracks))


def made(*artists: MadeArtist, version: int = 1) -> Generation:
    return make_generation(MadeCatalog(artists=artists), version=version)


def test_artists_that_came_and_went_are_named_by_id() -> None:
    before = made(artist("a", NORTH), artist("b", NORTH), artist("silent"), version=4)
    after = made(artist("b", NORTH), artist("d", EAST), artist("c"), version=5)
    found = changes_between(before, after)
    assert (found.before, found.added, found.removed, found.moved) == (4, 2, 2, 0)
    assert found.artists_added == (NamedArtist(id="c", name="C"), NamedArtist(id="d", name="D"))
    assert found.artists_removed == (NamedArtist(id="a", name="A"), NamedArtist(id="silent", name="SILENT"))


def test_artists_that_sound_different_are_named_the_farthest_first() -> None:
    before = made(artist("a", NORTH), artist("b", NORTH), artist("c", NORTH), artist("d", NORTH), artist("e"))
    after = made(artist("a", NEARLY), artist("b", COS_8), artist("c", EAST), artist("d"), artist("e", EAST))
    found = changes_between(before, after)
    assert [one.id for one in found.artists_moved] == ["c", "b"]
    assert [one.cosine for one in found.artists_moved] == pytest.approx([0.0, 0.8], abs=1e-6)
    assert found.moved == 2


def test_a_new_track_moves_its_artist_by_the_mean_of_both() -> None:
    found = changes_between(made(artist("a", NORTH)), made(artist("a", NORTH, EAST)))
    assert found.artists_moved[0].cosine == pytest.approx(0.5**0.5, abs=1e-6)


def test_only_the_layers_of_the_default_mix_count() -> None:
    def one(low: tuple[float, float], high: tuple[float, float]) -> Generation:
        return made(
            MadeArtist(id="a", name="A", tracks=(MadeTrack(id="t", title="T", vectors={"low": low, "high": high}),))
        )

    assert changes_between(one(NORTH, NORTH), one(NORTH, EAST)).moved == 0
    assert changes_between(one(NORTH, NORTH), one(EAST, NORTH)).moved == 1


def test_nothing_can_be_said_of_another_space() -> None:
    other = make_generation(MadeCatalog(artists=(artist("a", EAST),), space=make_space(("high", "low"))))
    found = changes_between(other, made(artist("a", NORTH)))
    assert (found.moved, found.artists_moved, found.added) == (None, (), 0)


def test_generations_without_audio_have_nothing_that_moved() -> None:
    assert changes_between(made(artist("a")), made(artist("a"), artist("b", NORTH))).moved == 0
