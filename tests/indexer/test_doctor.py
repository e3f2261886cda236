"""The doctor looks and does not touch."""

from __future__ import annotations

from pathlib import Path

from indexer.cli.doctor import examine
from indexer.files.home import CATALOG_FILE
from recommender.catalog import Catalog


def _catalogue(home: Path, database_url: str | None) -> tuple[bool, str]:
    (found,) = (finding for finding in examine(home, database_url).all if finding.what == "catalogue")
    return found.ok, found.detail


def test_an_unused_home_is_fine_and_stays_unused(tmp_path: Path) -> None:
    assert _catalogue(tmp_path / "home", None) == (True, "none yet; soundkin scan makes it")
    assert _catalogue(tmp_path, f"sqlite:///{tmp_path}/other.db") == (True, "none yet; soundkin scan makes it")
    assert list(tmp_path.iterdir()) == []


def test_a_catalogue_is_counted(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / CATALOG_FILE) as catalog:
        catalog.find_or_add_artist("Low")
    ok, detail = _catalogue(tmp_path, None)
    assert ok
    assert "1 artists" in detail


def test_an_older_catalogue_is_told_and_not_migrated(older_schema: str, tmp_path: Path) -> None:
    assert _catalogue(tmp_path, older_schema) == (True, "of an older schema; soundkin scan migrates it")
