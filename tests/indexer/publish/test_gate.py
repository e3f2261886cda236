"""What the gate lets pass is told to a ten-thousandth, and nothing is put on record that was not published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from indexer.publish.gate import Terms, judge
from recommender.errors import InvalidArgument, PublishRefused
from recommender.generation.manifest import Golden
from recommender.generation.open_generation import Generation, read_manifest
from tests.factories import make_generation
from tests.faults.homes import add_tracks, build, build_and_publish, open_catalog, publish, reseal, served
from tests.recommender.generation.test_golden_answers import GOLDENS, MADE

WITHIN, BEYOND = (0.0, 8e-5, -8e-5), (1.5e-4, -1.5e-4, 9e-3, 0.5)
"""How far a cosine may be from the one on record, and how far it may not."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Version 1 served, version 2 staged."""
    home = tmp_path / "home"
    add_tracks(home, range(4))
    build_and_publish(home)
    build(home)
    return home


def remembering(*goldens: Golden) -> Generation:
    """A small generation with these answers on record."""
    generation = make_generation(MADE)
    return replace(generation, manifest=structs.replace(generation.manifest, goldens=goldens))


def off_by(golden: Golden, amount: float) -> Golden:
    """The last answer of ``golden``, recorded with another cosine."""
    return structs.replace(golden, scores=(*golden.scores[:-1], golden.scores[-1] + amount))


def codes(candidate: Generation, serving: Generation | None = None) -> list[str]:
    return [refusal.code for refusal in judge(candidate, serving, Terms())]


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: f"{golden.kind} near {golden.query}")
def test_an_answer_of_its_own_that_is_off_by_more_than_a_ten_thousandth_is_refused(golden: Golden) -> None:
    assert [codes(remembering(off_by(golden, amount))) for amount in WITHIN] == [[]] * len(WITHIN)
    assert [codes(remembering(off_by(golden, amount))) for amount in BEYOND] == [["golden"]] * len(BEYOND)


def test_a_track_that_moved_by_more_than_a_ten_thousandth_beside_the_serving_one_is_refused() -> None:
    candidate = remembering()
    for amount in WITHIN:
        assert codes(candidate, remembering(off_by(GOLDENS[1], amount))) == []
    for amount in BEYOND:
        assert codes(candidate, remembering(off_by(GOLDENS[1], amount))) == ["golden"]


@pytest.mark.parametrize("amount", [1.5e-4, 9e-3])
def test_a_staged_generation_that_answers_a_little_otherwise_is_not_published(home: Path, amount: float) -> None:
    staged = home / "staging" / "v00000002"
    first, *rest = read_manifest(staged)[0].goldens
    reseal(staged, goldens=(off_by(first, amount), *rest))
    with pytest.raises(PublishRefused, match="golden"):
        publish(home)
    assert served(home) == 1


def recorded(home: Path) -> list[int]:
    with open_catalog(home) as catalog:
        return [generation.version for generation in catalog.read_generations()]


@pytest.mark.parametrize("tampered", [True, False])
def test_a_version_is_put_on_record_later_only_if_it_is_the_one_current_names(home: Path, tampered: bool) -> None:
    publish(home)
    with open_catalog(home) as catalog, catalog._writing() as connection:
        connection.exec_driver_sql("DELETE FROM generations WHERE version = 2")
        connection.exec_driver_sql("DELETE FROM publications WHERE version = 2")
    if tampered:
        reseal(home / "versions" / "v00000002", use="commercial")
    with pytest.raises(InvalidArgument, match="no built generation"):
        publish(home)
    assert recorded(home) == ([1] if tampered else [1, 2])
