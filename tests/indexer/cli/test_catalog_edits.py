"""The commands `soundkin catalog …`: what they print, and that builds and nightly runs follow them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexer.build.build import BuildOptions
from indexer.build.catalog_rows import CatalogRows, read_catalog
from indexer.files.home import CATALOG_FILE
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.generation.open_generation import open_current
from tests.fakes import write_tone
from tests.indexer.build import homes
from tests.indexer.cli.conftest import Run
from tests.indexer.nightly import nights


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with three artists of three embedded tracks."""
    homes.add_music(tmp_path, range(3))
    return tmp_path


def catalog_rows(home: Path) -> CatalogRows:
    with homes.open_catalog(home) as catalog:
        return read_catalog(catalog, EmbeddingStore(home, homes.SPACE))


def test_a_build_follows_an_edit_and_its_undoing(home: Path, run: Run) -> None:
    before = catalog_rows(home)
    homes.run_build(home)
    homes.run_publish(home)
    assert run("catalog", "remove", "artist", "artist 1")[0] == 0
    assert run("catalog", "remove", "track", "artist 0 - track 0.2")[0] == 0
    assert run("catalog", "merge", "artist 2", "artist 0")[0] == 0
    assert run("catalog", "rename", "artist 0", "Zero")[0] == 0
    manifest = homes.run_build(home, BuildOptions(incremental=True))
    homes.run_publish(home)
    contents = open_current(home).contents
    assert list(contents.artists.names) == ["Zero"]
    assert sorted(contents.artists.spellings) == ["Zero", "artist 0", "artist 2"]
    assert sorted(contents.tracks.titles) == ["track 0.0", "track 0.1", "track 2.0", "track 2.1", "track 2.2"]
    assert manifest.taken.tracks == 5  # nothing but the grouping has changed
    for number in "1234":
        assert run("catalog", "restore", number)[0] == 0
    assert catalog_rows(home) == before


def test_a_generation_from_edits_is_the_same_built_anew_or_from_the_one_before(home: Path, run: Run) -> None:
    homes.run_build(home)
    homes.run_publish(home)
    run("catalog", "merge", "artist 2", "artist 0")
    homes.run_build(home, BuildOptions(incremental=True))
    incremental = {path.name: path.read_bytes() for path in homes.staged(home).glob("*.faiss*")}
    homes.run_build(home)
    assert incremental == {path.name: path.read_bytes() for path in homes.staged(home).glob("*.faiss*")}


def test_a_dry_run_tells_and_leaves_the_catalog_alone(home: Path, run: Run) -> None:
    before = catalog_rows(home)
    code, out, _ = run("catalog", "remove", "artist", "artist 1", "--dry-run")
    assert code == 0
    assert out.startswith("dry run, nothing is changed; it would: remove artist artist 1 (")
    assert out.count(" disappears: artist 1 - track 1.") == 3
    assert " disappears: artist 1\n" in out
    assert "publish" not in out
    report = json.loads(run("catalog", "remove", "artist", "artist 1", "--dry-run", "--json")[1])
    assert (report["dry_run"], report["edit"]["kind"], report["edit"]["subject"]["what"]) == (True, "remove", "artist")
    assert [change["before"] for change in report["changes"]["artists"]] == ["artist 1"]
    assert report["changes"]["rows"]["names"] == {"removed": 1, "added": 0}
    assert (catalog_rows(home), run("catalog", "edits")[1]) == (before, "no edits\n")


def test_edits_are_listed_with_their_state(home: Path, run: Run) -> None:
    out = run("catalog", "remove", "artist", "artist 1")[1]
    assert "soundkin build && soundkin publish, or the next soundkin nightly" in out
    run("catalog", "rename", "artist 0", "Zero")
    run("catalog", "restore", "2")
    lines = run("catalog", "edits")[1].splitlines()
    assert [line.partition("[")[2][:8] for line in lines] == ["in force", "undone 2"]
    listed = json.loads(run("catalog", "edits", "--json")[1])
    assert [(edit["id"], edit["state"], edit["kind"]) for edit in listed] == [
        (1, "in force", "remove"),
        (2, "undone", "rename"),
    ]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("remove", "artist", "Nobody"), "no artist 'Nobody'"),
        (("remove", "track", "artist 0"), "Artist - Title"),
        (("remove", "clip", "none"), "no clip 'none'"),
        (("merge", "artist 0", "ARTIST 0"), "are one artist"),
        (("restore", "7"), "soundkin catalog edits lists them"),
        (("split", "artist 0", "--track", "artist 0 - track 0.0", "--name", "X"), "run soundkin scan"),
    ],
)
def test_wrong_use_is_one_line_that_says_what_to_do(home: Path, run: Run, words: tuple[str, ...], problem: str) -> None:
    code, out, err = run("catalog", *words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert problem in err


def night(home: Path) -> tuple[str, int]:
    """Outcome of a nightly run, and how many clips it embedded."""
    with Catalog.open(home / CATALOG_FILE) as catalog:
        report = nights.run(catalog, home)
    return report.outcome, next(step for step in report.steps if step.name == "embed").counts["embedded"]


def test_a_nightly_run_follows_an_edit_and_embeds_no_removed_clip(tmp_path: Path, run: Run) -> None:
    home = nights.make_home(tmp_path)
    assert (night(home), night(home)) == (("published", 3), ("unchanged", 0))
    run("catalog", "rename", "Artist 1", "First")
    assert (night(home), night(home)) == (("published", 0), ("unchanged", 0))
    assert list(open_current(home).contents.artists.names).count("First") == 1
    nights.add_artist(home, 3)
    run("scan", str(home / "music"), "--workers", "1")
    run("catalog", "remove", "artist", "Artist 3")
    assert night(home) == ("unchanged", 0)
    run("catalog", "restore", "2")
    assert night(home) == ("published", 1)
    assert "Artist 3" in list(open_current(home).contents.artists.names)


def test_a_split_by_command(tmp_path: Path, run: Run) -> None:
    home = nights.make_home(tmp_path, artists=1)
    write_tone(home / "music" / "Artist 0" / "Other.wav", hz=900)
    run("scan", str(home / "music"), "--workers", "1")
    words = ("catalog", "split", "Artist 0", "--track", "Artist 0 - Other", "--name", "Artist 0")
    assert "appears: Artist 0" in run(*words, "--dry-run")[1]
    assert run(*words)[0] == 0
    with homes.open_catalog(home) as catalog:
        assert [artist.name for artist in catalog.read_artists()] == ["Artist 0"] * 2
    assert run("scan", str(home / "music"), "--workers", "1", "--reread")[0] == 0
    with homes.open_catalog(home) as catalog:
        assert len(catalog.read_artists()) == 2
    assert run("catalog", "restore", "1")[0] == 0
    with homes.open_catalog(home) as catalog:
        assert len(catalog.read_artists()) == 1
