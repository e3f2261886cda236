"""Records of generations, publications and runs, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recommender.catalog import Catalog
from recommender.catalog.rows import Generation, Publication
from recommender.errors import CatalogError
from tests.catalog_rows import Run, read_runs

GENERATION = Generation(
    version=1,
    space="mert-1",
    built_at="2026-11-21T09:00:00Z",
    manifest_sha256="a" * 64,
    artists=2,
    tracks=3,
    published_at="2026-11-21T10:00:00Z",
)


def test_a_generation_is_recorded_once(catalog: Catalog) -> None:
    catalog.record_generation(GENERATION)
    catalog.record_generation(replace(GENERATION, published_at="2026-11-22T10:00:00Z"))
    assert catalog.read_generations() == [GENERATION]


def test_a_published_number_is_not_given_to_other_contents(catalog: Catalog) -> None:
    catalog.record_generation(GENERATION)
    with pytest.raises(CatalogError, match="build the next number"):
        catalog.record_generation(replace(GENERATION, manifest_sha256="b" * 64))


def test_each_publication_is_on_record_in_the_order_in_which_it_was_made(catalog: Catalog) -> None:
    made = [
        Publication(version=2, action="publish", refusals="", forced_why=None, at="2026-11-21T10:00:00Z"),
        Publication(
            version=3, action="refused", refusals="golden: moved\nrecall: low", forced_why=None, at="2026-11-20"
        ),
        Publication(version=3, action="publish", refusals="golden: moved", forced_why="new ears", at="2026-11-22"),
        Publication(version=2, action="rollback", refusals="", forced_why=None, at="2026-11-22"),
        Publication(version=2, action="rollback", refusals="", forced_why=None, at="2026-11-22"),
    ]
    for publication in made:
        catalog.record_publication(publication)
    assert catalog.read_publications() == made


def test_an_action_that_is_none_is_not_recorded(catalog: Catalog) -> None:
    with pytest.raises(CatalogError):
        catalog.record_publication(Publication(version=1, action="dance", refusals="", forced_why=None, at="now"))


def test_a_run_is_running_until_it_says_how_it_ended(catalog: Catalog) -> None:
    first = catalog.begin_run("nightly", at="2026-11-21T02:00:00+00:00")
    begun = Run(
        id=first, kind="nightly", started_at="2026-11-21T02:00:00+00:00", ended_at=None, state="running", summary=None
    )
    assert read_runs(catalog, "nightly") == [begun]
    catalog.end_run(first, "done", at="2026-11-21T02:05:00+00:00", summary='{"a": "ü"}')
    (ended,) = read_runs(catalog, "nightly")
    assert (ended.state, ended.ended_at, ended.summary) == ("done", "2026-11-21T02:05:00+00:00", '{"a": "ü"}')


def test_a_run_that_never_said_how_it_ended_is_marked_killed_by_the_next_of_its_kind(catalog: Catalog) -> None:
    catalog.begin_run("nightly", at="1")
    other = catalog.begin_run("other", at="2")
    third = catalog.begin_run("nightly", at="3")
    catalog.end_run(third, "failed", at="4", summary="{}")
    catalog.begin_run("nightly", at="5")
    states = [(run.state, run.ended_at) for run in read_runs(catalog, "nightly")]
    assert states == [("killed", None), ("failed", "4"), ("running", None)]
    assert [(run.id, run.state) for run in read_runs(catalog, "other")] == [(other, "running")]


def test_a_run_ends_in_one_of_the_states_there_are(catalog: Catalog) -> None:
    run = catalog.begin_run("nightly", at="1")
    with pytest.raises(CatalogError):
        catalog.end_run(run, "tired", at="2", summary="{}")
