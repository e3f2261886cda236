"""The record of runs, on both databases."""

from __future__ import annotations

import pytest

from recommender.catalog import Catalog
from recommender.catalog.rows import Run
from recommender.errors import CatalogueError


def test_a_run_is_running_until_it_says_how_it_ended(catalog: Catalog) -> None:
    first = catalog.begin_run("nightly", at="2026-11-21T02:00:00+00:00")
    begun = Run(
        id=first, kind="nightly", started_at="2026-11-21T02:00:00+00:00", ended_at=None, state="running", summary=None
    )
    assert catalog.read_runs("nightly") == [begun]
    catalog.end_run(first, "done", at="2026-11-21T02:05:00+00:00", summary='{"a": "ü"}')
    (ended,) = catalog.read_runs("nightly")
    assert (ended.state, ended.ended_at, ended.summary) == ("done", "2026-11-21T02:05:00+00:00", '{"a": "ü"}')


def test_a_run_that_never_said_how_it_ended_is_marked_killed_by_the_next_of_its_kind(catalog: Catalog) -> None:
    catalog.begin_run("nightly", at="1")
    other = catalog.begin_run("other", at="2")
    third = catalog.begin_run("nightly", at="3")
    catalog.end_run(third, "failed", at="4", summary="{}")
    catalog.begin_run("nightly", at="5")
    states = [(run.state, run.ended_at) for run in catalog.read_runs("nightly")]
    assert states == [("killed", None), ("failed", "4"), ("running", None)]
    assert [(run.id, run.state) for run in catalog.read_runs("other")] == [(other, "running")]


def test_a_run_ends_in_one_of_the_states_there_are(catalog: Catalog) -> None:
    run = catalog.begin_run("nightly", at="1")
    with pytest.raises(CatalogueError):
        catalog.end_run(run, "tired", at="2", summary="{}")
