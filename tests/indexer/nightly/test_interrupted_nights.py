"""Whatever ends a night, it is on record with its reason, and goes on to whoever called."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from indexer.files.home import CATALOG_FILE
from indexer.nightly.config import CONFIG_FILE, read_config
from indexer.nightly.nightly import nightly
from indexer.nightly.report import NightlyReport
from indexer.nightly.steps import QUIET, Bars, Counted
from recommender.catalog import Catalog
from recommender.errors import CatalogError
from tests.catalog_rows import read_runs
from tests.indexer.nightly import nights


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What is left of a night that ended early."""

    report: NightlyReport
    state: str
    """Of the run in SQL."""
    file: dict[str, object]
    """Its file in ``runs``."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return nights.make_home(tmp_path)


def bars_that(end: Callable[[], None], *, at: str) -> Bars:
    """Bars, of which the one with the title ``at`` ends the run when it is drawn."""

    @contextmanager
    def counted(title: str) -> Iterator[Counted]:
        if title == at:
            end()
        yield lambda done, total: None

    return replace(QUIET, counted=counted)


def raising(error: BaseException) -> Callable[[], None]:
    def end() -> None:
        raise error

    return end


def ended(home: Path, kind: type[BaseException], bars: Bars) -> Ended:
    """Run a night that ends in ``kind``."""
    told: list[NightlyReport] = []
    with Catalog.open(home / CATALOG_FILE) as catalog:
        with pytest.raises(kind):
            nightly(catalog, home, read_config(home / CONFIG_FILE), bars=bars, on_report=told.append)
        (run,) = read_runs(catalog, "nightly")
    (report,) = told
    return Ended(report=report, state=run.state, file=json.loads((home / "runs" / f"{run.id}.json").read_text()))


@pytest.mark.parametrize(
    ("error", "outcome", "said"),
    [
        (RuntimeError("a bug"), "failed", "RuntimeError: a bug"),
        (MemoryError(), "failed", "MemoryError"),
        (KeyboardInterrupt(), "interrupted", "KeyboardInterrupt"),
        (SystemExit(3), "failed", "SystemExit: 3"),
    ],
)
def test_a_bug_and_ctrl_c_are_put_on_record_and_go_on(
    home: Path, error: BaseException, outcome: str, said: str
) -> None:
    left = ended(home, type(error), bars_that(raising(error), at="build"))
    assert [step.name for step in left.report.steps] == ["scan", "metadata", "embed"]
    assert (left.report.outcome, left.report.error, left.state) == (outcome, said, "failed")
    assert (left.file["outcome"], left.file["error"]) == (outcome, said)


def test_a_night_whose_catalog_breaks_is_on_record(home: Path) -> None:
    def drop() -> None:
        with closing(sqlite3.connect(home / CATALOG_FILE)) as database, database:
            database.execute("DROP TABLE artist_genres")

    left = ended(home, CatalogError, bars_that(drop, at="scan music"))
    assert (left.report.outcome, left.state) == ("failed", "failed")
    assert "artist_genres" in str(left.file["error"])


def test_where_the_record_cannot_be_kept_the_error_that_ended_the_night_is_what_is_raised(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def forbid_and_fail() -> None:
        (home / "runs").touch()  # a file where a folder is to be
        raise ZeroDivisionError("first")

    told: list[NightlyReport] = []
    with Catalog.open(home / CATALOG_FILE) as catalog:
        config, bars = read_config(home / CONFIG_FILE), bars_that(forbid_and_fail, at="build")
        with pytest.raises(ZeroDivisionError):
            nightly(catalog, home, config, bars=bars, on_report=told.append)
        (run,) = read_runs(catalog, "nightly")
    assert (run.state, json.loads(run.summary or "")["error"]) == ("failed", "ZeroDivisionError: first")
    assert told[0].error == "ZeroDivisionError: first"
    assert "run 1 could not be put on record" in caplog.text


def test_a_night_that_went_well_and_cannot_be_put_on_file_is_on_record_in_sql_and_is_no_good_night(home: Path) -> None:
    (home / "runs").touch()
    with Catalog.open(home / CATALOG_FILE) as catalog:
        with pytest.raises(OSError, match="runs"):
            nights.run(catalog, home)
        (run,) = read_runs(catalog, "nightly")
    assert (run.state, json.loads(run.summary or "")["outcome"]) == ("done", "published")


def test_the_night_after_does_what_is_left(home: Path) -> None:
    ended(home, KeyboardInterrupt, bars_that(raising(KeyboardInterrupt()), at="build"))
    with Catalog.open(home / CATALOG_FILE) as catalog:
        report = nights.run(catalog, home)
    assert (report.outcome, dict(report.steps[2].counts)["known"]) == ("published", 3)
