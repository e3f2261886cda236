"""The nightly run: everything once, nothing when nothing changed, the old generation when the new one is worse."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import soundkin
from indexer.build.build import BuildOptions, build
from indexer.encoders.registry import load_encoder
from indexer.files.home import CATALOG_FILE
from indexer.files.locks import NIGHTLY_LOCK, exclusive
from indexer.nightly.config import CONFIG_FILE, read_config
from indexer.nightly.nightly import nightly
from indexer.nightly.report import NightlyReport
from indexer.publish.rollback import rollback
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistPopularity
from recommender.errors import Busy, LicenceRefused
from recommender.generation.open_generation import CURRENT, open_current
from recommender.types import Use
from tests.catalog_rows import add_artist, read_runs
from tests.fakes import write_tone
from tests.indexer.nightly import nights

EVERY_STEP = ["scan", "metadata", "embed", "check", "build", "publish", "collect"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return nights.make_home(tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which one night has passed; to be copied."""
    made = nights.make_home(tmp_path_factory.mktemp("done"))
    with Catalog.open(made / CATALOG_FILE) as catalog:
        nights.run(catalog, made)
    return made


@pytest.fixture
def second(done: Path, tmp_path: Path) -> Path:
    """A home in which one night has passed. Its music lies where it lay."""
    home = tmp_path / "home"
    shutil.copytree(done, home, ignore=shutil.ignore_patterns("music"))
    shutil.copytree(done / "music", tmp_path / "music")
    config = nights.CONFIG.replace('"music"', f'"{done / "music"}"')
    (home / CONFIG_FILE).write_text(config + f'\n[[scan]]\nfolder = "{tmp_path / "more"}"\n')
    (tmp_path / "more").mkdir()
    return home


def test_popularity_of_some_artists_is_no_change_the_second_time(second: Path) -> None:
    with Catalog.open(second / CATALOG_FILE) as catalog:
        (popular,) = (artist.id for artist in catalog.read_artists() if artist.name == "Artist 0")
        catalog.ensure_source("counts", "own")
        catalog.add_popularity([ArtistPopularity(artist_id=popular, source="counts", value=7.0)])
        assert [nights.run(catalog, second).outcome for _ in range(2)] == ["published", "unchanged"]


def names(report: NightlyReport) -> list[str]:
    return [step.name for step in report.steps]


def counts(report: NightlyReport, step: str) -> dict[str, int]:
    return dict(next(one for one in report.steps if one.name == step).counts)


def leave(*arguments: str) -> int:
    """Exit status of the command line."""
    with pytest.raises(SystemExit) as left:
        soundkin.main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def test_the_first_night_does_every_step_and_the_second_finds_nothing_to_do(catalog: Catalog, home: Path) -> None:
    first = nights.run(catalog, home)
    assert (first.outcome, first.version, names(first), first.problems) == ("published", 1, EVERY_STEP, ())
    assert counts(first, "embed")["embedded"] == 3
    pointer, generations = (home / CURRENT).read_bytes(), catalog.read_generations()
    second = nights.run(catalog, home)
    assert (second.outcome, second.version, second.note) == (
        "unchanged",
        1,
        "nothing has changed since v00000001",
    )
    assert names(second) == ["scan", "metadata", "embed", "check", "collect"]
    assert (counts(second, "embed")["embedded"], counts(second, "metadata")["imported"]) == (0, 0)
    assert ((home / CURRENT).read_bytes(), catalog.read_generations()) == (pointer, generations)
    assert [(run.id, run.state) for run in read_runs(catalog, "nightly")] == [(first.run, "done"), (second.run, "done")]


def test_what_is_new_is_embedded_alone_and_named_in_the_changes(second: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "more" / "Newcomer" / "Song.wav", hz=2500)
    with Catalog.open(second / CATALOG_FILE) as catalog:
        report = nights.run(catalog, second)
    assert (report.outcome, report.version, counts(report, "embed")["embedded"]) == ("published", 2, 1)
    assert counts(report, "build")["reused"] == 3
    assert report.changes is not None
    assert [artist.name for artist in report.changes.artists_added] == ["Newcomer"]
    assert (report.changes.before, report.changes.added, report.changes.removed, report.changes.moved) == (1, 1, 0, 0)


def test_new_metadata_is_published_without_embedding_anything(second: Path) -> None:
    (second / "genres.csv").write_text("artist,genre\nArtist 0,techno\nArtist 1,techno\nArtist 2,ambient\n")
    with Catalog.open(second / CATALOG_FILE) as catalog:
        report = nights.run(catalog, second)
    assert (report.outcome, report.version, counts(report, "embed")["embedded"]) == ("published", 2, 0)
    assert "ambient" in list(open_current(second).contents.relations.genres)


def test_another_profile_is_another_generation(second: Path) -> None:
    config = (second / CONFIG_FILE).read_text()
    (second / CONFIG_FILE).write_text(f'profile = "commercial"\n{config}')
    with Catalog.open(second / CATALOG_FILE) as catalog:
        report = nights.run(catalog, second)
    assert (report.outcome, open_current(second).manifest.use) == ("published", "commercial")


def test_a_damaged_current_is_built_anew(second: Path) -> None:
    file = second / "versions" / "v00000001" / "artist.ids.utf8.npy"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with Catalog.open(second / CATALOG_FILE) as catalog:
        report = nights.run(catalog, second)
    assert (report.outcome, report.version) == ("published", 2)
    assert open_current(second).manifest.version == 2


def test_a_generation_that_lost_tracks_is_refused_and_the_old_one_serves(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("nightly", "--home", str(home)) == 0
    (home / "music" / "Artist 1" / "Song.wav").write_bytes(b"no sound at all")
    assert leave("nightly", "--home", str(home), "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["outcome"], said["version"]) == ("refused", 1)
    assert {code for code, _ in said["refusals"]} == {"fewer_tracks", "fewer_artists"}
    assert said["steps"][-1]["name"] == "collect"
    assert open_current(home).manifest.counts.tracks_indexed == 3
    with Catalog.open(home / CATALOG_FILE) as catalog:
        (*_, last) = read_runs(catalog, "nightly")
    assert (last.state, json.loads(last.summary or "")["refusals"]) == ("failed", said["refusals"])


def test_a_generation_that_was_rolled_back_from_does_not_come_back_by_itself(second: Path, tmp_path: Path) -> None:
    with Catalog.open(second / CATALOG_FILE) as catalog:
        write_tone(tmp_path / "more" / "Newcomer" / "Song.wav", hz=2500)
        assert nights.run(catalog, second).version == 2
        rollback(second)
        report = nights.run(catalog, second)
        assert (report.outcome, report.version) == ("unchanged", 1)
        assert "rolled back from; to serve it again: soundkin rollback v00000002" in (report.note or "")
        write_tone(tmp_path / "more" / "Another" / "Song.wav", hz=1700)
        report = nights.run(catalog, second)
        assert (report.outcome, report.version) == ("published", 3)


def test_what_was_built_and_not_published_is_published_as_it_is(second: Path) -> None:
    with Catalog.open(second / CATALOG_FILE) as catalog:
        add_artist(catalog, "Somebody")
        store = EmbeddingStore(second, load_encoder("descriptors").space)
        build(catalog, store, second, use=Use.PERSONAL, options=BuildOptions())
        report = nights.run(catalog, second)
    assert (report.outcome, report.version, "build" in names(report)) == ("published", 2, False)


def test_what_was_built_of_something_else_is_built_anew(second: Path) -> None:
    with Catalog.open(second / CATALOG_FILE) as catalog:
        add_artist(catalog, "Somebody")
        store = EmbeddingStore(second, load_encoder("descriptors").space)
        build(catalog, store, second, use=Use.PERSONAL, options=BuildOptions())
        add_artist(catalog, "Somebody else")
        report = nights.run(catalog, second)
    assert (report.outcome, "build" in names(report)) == ("published", True)
    assert "Somebody else" in list(open_current(second).contents.artists.names)


def test_problems_stop_nothing_and_are_news_only_once(second: Path, tmp_path: Path) -> None:
    (second / "genres.csv").write_text("artist,genre\nArtist 0,techno\n,nobody\n")
    (tmp_path / "more" / "Low - Text.mp3").write_text("no sound at all")
    config = (second / CONFIG_FILE).read_text()
    (second / CONFIG_FILE).write_text(f'{config}\n[[scan]]\nfolder = "/not/mounted"\n')
    with Catalog.open(second / CATALOG_FILE) as catalog:
        report = nights.run(catalog, second)
        assert sorted((problem.step, problem.reason) for problem in report.new_problems) == [
            ("metadata", "no_artist"),
            ("scan", "not_a_folder"),
            ("scan", "not_audio"),
        ]
        assert (report.state, report.all_well) == ("done", False)
        again = nights.run(catalog, second)
        assert (again.problems, again.new_problems, again.all_well) == (report.problems, (), True)


def test_a_step_that_cannot_go_on_is_on_record_and_the_error_goes_on(second: Path) -> None:
    (second / "genres.csv").write_text("artist,genre\nArtist 2,ambient\n")
    config = (second / CONFIG_FILE).read_text().replace('"own"', '"none"').replace('"shelf"', '"web"')
    (second / CONFIG_FILE).write_text(f'profile = "commercial"\n{config}')
    told: list[NightlyReport] = []
    with Catalog.open(second / CATALOG_FILE) as catalog:
        with pytest.raises(LicenceRefused, match="web"):
            nightly(catalog, second, read_config(second / CONFIG_FILE), on_report=told.append)
        (*_, last) = read_runs(catalog, "nightly")
    (report,) = told
    assert (report.outcome, report.version, names(report)) == ("failed", 1, ["scan", "metadata", "embed"])
    assert (report.error or "").startswith("LicenceRefused: source web")
    assert last.state == "failed"
    assert json.loads((second / "runs" / f"{last.id}.json").read_text())["error"] == report.error


def test_the_summary_is_the_same_on_file_in_sql_and_on_stdout(second: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("nightly", "--home", str(second), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert json.loads((second / "runs" / f"{said['run']}.json").read_text()) == said
    with Catalog.open(second / CATALOG_FILE) as catalog:
        (*_, last) = read_runs(catalog, "nightly")
    lists = {"problem_list", "new_problem_list"}
    assert json.loads(last.summary or "") == {key: value for key, value in said.items() if key not in lists}
    assert (last.id, last.started_at, last.ended_at) == (said["run"], said["started_at"], said["ended_at"])


def test_under_cron_a_good_night_is_silent_and_a_bad_one_says_what_is_new(
    second: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert leave("nightly", "--home", str(second)) == 0
    assert capfd.readouterr() == ("", "")
    (tmp_path / "more" / "Low - Text.mp3").write_text("no sound at all")
    assert leave("nightly", "--home", str(second)) == 1
    said = capfd.readouterr().out
    assert "unchanged" in said
    assert "not_audio" in said
    assert leave("nightly", "--home", str(second)) == 0
    assert capfd.readouterr() == ("", "")


def test_a_step_that_cannot_go_on_is_a_failure_and_not_wrong_usage(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(home / "music")
    (home / "music").mkdir()
    (home / "genres.csv").write_text("artist,genre\n")
    assert leave("nightly", "--home", str(home)) == 1
    said = capsys.readouterr()
    assert "catalog: has no artists" in said.err
    assert "nightly run 1: failed" in said.out


def test_one_at_a_time(second: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive(second / NIGHTLY_LOCK):
        assert leave("nightly", "--home", str(second)) == 75
    assert "nightly.lock is held by process" in capsys.readouterr().err


def test_a_night_that_another_holds_up_begins_nothing_whoever_calls_it(second: Path) -> None:
    """The command line looks at the lock before it loads anything; this is what holds it."""
    told: list[NightlyReport] = []
    with Catalog.open(second / CATALOG_FILE) as catalog:
        before = read_runs(catalog, "nightly")
        with exclusive(second / NIGHTLY_LOCK), pytest.raises(Busy, match=r"nightly\.lock"):
            nightly(catalog, second, read_config(second / CONFIG_FILE), on_report=told.append)
        assert (told, read_runs(catalog, "nightly")) == ([], before)


def test_a_run_that_was_killed_is_marked_so_by_the_next(second: Path) -> None:
    with Catalog.open(second / CATALOG_FILE) as catalog:
        catalog.begin_run("nightly", at="2026-11-21T02:00:00+00:00")
        nights.run(catalog, second)
        assert [one.state for one in read_runs(catalog, "nightly")] == ["done", "killed", "done"]


def drawn_by(second: Path) -> str:
    """All that a night writes to a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "soundkin", "nightly", "--home", str(second)]
    night = subprocess.Popen(command, env=os.environ | {"TERM": "xterm"}, stdout=theirs, stderr=theirs)
    os.close(theirs)
    drawn = b""
    with suppress(OSError), open(ours, "rb", buffering=0) as terminal:  # Linux ends it with an error, others with ""
        while block := terminal.read(4096):
            drawn += block
    assert night.wait(nights.TIMEOUT_S) == 0
    return drawn.decode()


def test_on_a_terminal_it_draws_bars_and_prints_a_summary(second: Path) -> None:
    drawn = drawn_by(second)
    assert "\x1b[" in drawn
    assert "scan music" in drawn
    assert "unchanged" in drawn
