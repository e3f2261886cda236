"""A generation answers its goldens as recorded, or the line that says otherwise is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from recommender.array_files import TextColumn
from recommender.generation.golden_answers import Golden, differences
from recommender.generation.open_generation import Generation, open_generation
from recommender.vectors import ExactIndex
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_generation, make_space, write_generation


def at(degrees: float) -> list[float]:
    return [float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))]


ANGLES = {"t0": 0.0, "t1": 60.0, "t2": 10.0, "t3": 10.0}
"""Track -> direction; t2 and t3 are equal. Artist a has the first two, b the others."""
MADE = MadeCatalog(
    artists=tuple(
        MadeArtist(
            id=artist,
            name=artist,
            tracks=tuple(MadeTrack(title=one, id=one, vectors={"low": at(ANGLES[one])}) for one in tracks),
        )
        for artist, tracks in (("a", ("t0", "t1")), ("b", ("t2", "t3")), ("silent", ()))
    ),
    space=make_space(("low",)),
)
COS = {degrees: float(np.cos(np.radians(degrees))) for degrees in (0, 10, 20, 50, 60)}
GOLDENS = (
    Golden(kind="tracks", layer="low", query="t0", answers=("t0", "t2", "t3"), scores=(1.0, COS[10], COS[10])),
    Golden(kind="tracks", layer="low", query="t1", answers=("t1", "t2"), scores=(1.0, COS[50])),
    Golden(kind="artists", layer="low", query="a", answers=("a", "b"), scores=(1.0, COS[20])),
)


@pytest.fixture
def generation() -> Generation:
    return make_generation(MADE)


def test_right_answers_say_nothing(generation: Generation, tmp_path: Path) -> None:
    assert differences(generation, GOLDENS) == ()
    assert differences(open_generation(write_generation(tmp_path, MADE)), GOLDENS) == ()
    assert differences(generation, ()) == ()


def test_equal_tracks_may_change_places_and_stand_in_for_one_another_at_the_end(generation: Generation) -> None:
    swapped = structs.replace(GOLDENS[0], answers=("t0", "t3", "t2"))
    other = structs.replace(GOLDENS[1], answers=("t1", "t3"))
    assert differences(generation, (swapped, other)) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answers": ("t0", "t2", "t1")}, "t1 has cosine 0.5000, recorded 0.9848"),
        ({"scores": (1.0, COS[10] + 2e-4, COS[10])}, "t2 has cosine 0.9848, recorded 0.9850"),
        ({"scores": (1.0, float("nan"), COS[10])}, "t2 has cosine 0.9848, recorded nan"),
        ({"answers": ("t0", "t1"), "scores": (1.0, 0.5)}, "place 2 has cosine 0.9848, recorded 0.5000"),
        ({"answers": ("t0", "gone", "t3")}, "gone has no vector"),
        ({"query": "gone"}, "gone has no vector"),
        ({"query": "t1"}, "t0 has cosine 0.5000, recorded 1.0000"),
        ({"layer": "high"}, "there is no such index"),
        ({"kind": "artists", "query": "silent"}, "silent has no vector"),
    ],
)
def test_each_wrong_answer_is_one_line_that_says_what(
    generation: Generation, change: dict[str, object], said: str
) -> None:
    golden = structs.replace(GOLDENS[0], **change)
    lines = differences(generation, (golden, *GOLDENS[1:]))
    assert lines == (f"{golden.kind} of layer {golden.layer} near {golden.query}: {said}",)


def test_the_tolerance_is_that_of_the_asker(generation: Generation) -> None:
    off = structs.replace(GOLDENS[1], scores=(1.0, COS[50] + 0.004))
    assert differences(generation, (off,), tolerance=0.005) == ()
    assert len(differences(generation, (off,), tolerance=0.003)) == 1


def test_ids_that_were_shuffled_show(generation: Generation) -> None:
    tracks = generation.contents.tracks
    shuffled = replace(tracks, ids=TextColumn.of(["t1", "t0", "t2", "t3"]))
    wrong = replace(generation, contents=replace(generation.contents, tracks=shuffled))
    assert len(differences(wrong, GOLDENS)) == 2


def test_a_vector_that_was_changed_shows(generation: Generation) -> None:
    vectors = generation.tracks["low"].vectors(np.arange(4)).copy()
    vectors[2] = at(11)
    wrong = replace(generation, tracks={"low": ExactIndex(vectors)})
    assert len(differences(wrong, GOLDENS)) == 2


def test_an_index_that_is_too_short_for_its_ids_shows(generation: Generation) -> None:
    short = ExactIndex(generation.tracks["low"].vectors(np.arange(2)))
    lines = differences(replace(generation, tracks={"low": short}), GOLDENS[:1])
    assert lines == ("tracks of layer low near t0: the index holds 2 vectors, too few for its ids",)
