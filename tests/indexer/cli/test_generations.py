"""What ``soundkin build`` prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexer.cli.generations import build
from tests.indexer.build.homes import SPACE, add_music, run_build, run_publish


@pytest.fixture
def home(tmp_path: Path) -> Path:
    add_music(tmp_path, range(3))
    run_build(tmp_path)
    run_publish(tmp_path)
    add_music(tmp_path, range(3, 4))
    return tmp_path


def built(home: Path, *options: str) -> Result:
    ran = CliRunner().invoke(build, ["--space", SPACE.key, "--home", str(home), *options], catch_exceptions=False)
    assert ran.exit_code == 0
    return ran


def test_an_incremental_build_says_how_many_tracks_it_took_over(home: Path) -> None:
    assert "9 of 12 tracks taken from v1" in built(home, "--incremental").stdout


def test_a_full_build_says_nothing_of_that(home: Path) -> None:
    said = built(home).stdout
    assert said == "generation 2 staged: 4 artists (4 with audio), 12 tracks (12 with audio), 4 layers of 12\n"


def test_an_incremental_build_that_had_to_be_full_says_why(home: Path) -> None:
    (home / "CURRENT").unlink()
    assert "built in full: nothing is published yet" in built(home, "--incremental").stdout


def test_json_carries_the_whole_manifest(home: Path) -> None:
    manifest = json.loads(built(home, "--incremental", "--json").stdout)
    assert manifest["taken"] == {"tracks": 9, "note": ""}
    assert [entry["factory"] for entry in manifest["indexes"]] == ["Flat"] * 8
