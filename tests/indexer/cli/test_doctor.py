"""The doctor looks and does not touch."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from indexer.cli.doctor import Finding, Settings, examine
from indexer.encoders.mert.models import WEIGHTS_FILE
from indexer.files.home import CATALOG_FILE
from recommender import extras
from recommender.catalog import Catalog
from tests.catalog_rows import add_artist

NOBODY = "127.0.0.1:1"
"""Where no server is."""
NOTHING_SET = Settings(address=NOBODY)


def _catalog(home: Path, database_url: str | None) -> tuple[bool, str]:
    found = _found(home, "catalog", Settings(database_url=database_url, address=NOBODY))
    return found.ok, found.detail


def _found(home: Path, what: str, settings: Settings = NOTHING_SET) -> Finding:
    (found,) = (finding for finding in examine(home, settings).all if finding.what == what)
    return found


def test_an_unused_home_is_fine_and_stays_unused(tmp_path: Path) -> None:
    assert _catalog(tmp_path / "home", None) == (True, "none yet; soundkin scan makes it")
    assert _catalog(tmp_path, f"sqlite:///{tmp_path}/other.db") == (True, "none yet; soundkin scan makes it")
    assert list(tmp_path.iterdir()) == []


def test_a_catalog_is_counted(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / CATALOG_FILE) as catalog:
        add_artist(catalog, "Low")
    ok, detail = _catalog(tmp_path, None)
    assert ok
    assert "1 artists" in detail


def test_an_older_catalog_is_told_and_not_migrated(older_schema: str, tmp_path: Path) -> None:
    assert _catalog(tmp_path, older_schema) == (True, "of an older schema; soundkin scan migrates it")


def test_an_extra_that_is_not_installed_is_told_with_its_pip_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in ("av", "soxr") else find_spec(name))
    found = _found(tmp_path, "extra indexer")
    assert (found.ok, found.absent) == (True, True)
    assert found.detail.startswith("av, soxr not installed; demo, scan, ")
    assert found.detail.endswith("need it: pip install 'soundkin[indexer]'")
    assert _found(tmp_path, "extra catalog") == Finding(what="extra catalog", ok=True, detail="installed")


def test_what_an_extra_is_missing_for_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    found = _found(tmp_path, "decoders")
    assert (found.ok, found.absent) == (True, True)
    assert found.detail == "not checked, because av is not installed: pip install 'soundkin[indexer]'"


def test_weights_are_looked_for_where_they_belong_and_where_they_were_said_to_be(tmp_path: Path) -> None:
    found = _found(tmp_path, "weights of mert-v1-95m")
    assert (found.ok, found.absent) == (True, True)
    assert "run soundkin encoder fetch mert-v1-95m" in found.detail
    (tmp_path / WEIGHTS_FILE).touch()
    told = Settings(address=NOBODY, encoder="mert-v1-95m", weights=tmp_path)
    found = _found(tmp_path / "home", "weights of mert-v1-95m", told)
    assert (found.ok, found.absent) == (True, False)
    assert f"in {tmp_path}; soundkin encoder verify mert-v1-95m" in found.detail


def test_a_server_that_is_not_there_is_no_failure(tmp_path: Path) -> None:
    found = _found(tmp_path, "server")
    assert (found.ok, found.absent) == (True, True)
    assert found.detail.startswith(f"no server answers at {NOBODY}; start one with `soundkin serve`, or ")


def test_an_address_that_is_none_is_a_failure(tmp_path: Path) -> None:
    found = _found(tmp_path, "server", Settings(address="nowhere"))
    assert (found.ok, found.absent) == (False, False)
    assert "'nowhere' is not HOST:PORT" in found.detail
