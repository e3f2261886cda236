"""The indexer's command line: what it prints, and how it exits."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import soundkin
from indexer.demo.synth import SAMPLE_RATE_HZ, render
from indexer.files.home import CATALOG_FILE
from recommender.catalog import Catalog
from recommender.generation.open_generation import open_current

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Exit status, stdout and stderr of a command in a home of its own."""
    monkeypatch.setenv("SOUNDKIN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SOUNDKIN_DATABASE_URL", raising=False)

    def command(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            soundkin.main(list(words))
        output = capsys.readouterr()
        return int(left.value.code or 0), output.out, output.err

    return command


@pytest.mark.parametrize("given", ["--tracklist", "--manifest", "SOUNDKIN_SCAN_TRACKLIST", "SOUNDKIN_SCAN_MANIFEST"])
def test_a_tracklist_can_be_given_by_its_old_name_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    music, tracklist = tmp_path / "music", tmp_path / "t.csv"
    music.mkdir()
    tracklist.write_text("file,artist\nnone.wav,Low\n")
    if not given.startswith("-"):
        monkeypatch.setenv(given, str(tracklist))
    options = (given, str(tracklist)) if given.startswith("-") else ()
    code, out, _ = run("scan", str(music), *options, "--workers", "1", "--json")
    assert (code, [row["reason"] for row in json.loads(out)["rejected"]]) == (1, ["file_not_found"])


def test_a_path_that_is_not_text_can_be_printed_as_json(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / os.fsdecode(b"caf\xe9.csv")
    try:
        bad.write_text("artist,genre\n,rock\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    code, out, _ = run("import", "genres", str(bad), "--source", "test", "--json")
    assert code == 1
    assert json.loads(out)["rejected"][0]["path"] == str(bad)


@pytest.mark.parametrize("command", ["verify", "publish", "rollback", "collect"])
def test_a_home_that_does_not_exist_is_wrong_use_and_is_not_made(run: Run, tmp_path: Path, command: str) -> None:
    code, _, err = run(command, "--home", str(tmp_path / "typo"))
    assert code == 2
    assert "typo is not a folder" in err
    assert not (tmp_path / "typo").exists()


def test_a_home_with_nothing_in_it_verifies(run: Run, tmp_path: Path) -> None:
    assert run("verify", "--home", str(tmp_path))[0] == 0


def test_a_folder_without_audio_gives_a_warning(run: Run, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "cover.jpg").write_bytes(b"")
    code, out, err = run("scan", str(tmp_path / "music"))
    assert (code, out.startswith("0 files: ")) == (0, True)
    assert f"no audio was found in {tmp_path / 'music'}; looked for .aac " in err
    assert {".wav", ".flac", ".mp3", ".ogg", ".m4a"} < set(err.split())
    assert ".dsf" not in err
    assert "nothing to embed" in run("embed", "--workers", "1")[1]


def test_a_wrong_licence_is_cured_as_the_message_says(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "g.csv"
    data.write_text("artist,genre\nLow,rock\n")
    assert run("import", "genres", str(data))[0] == 0
    code, _, err = run("import", "genres", str(data), "--licence", "own")
    assert code == 2
    assert "soundkin import forget g.csv" in err
    assert run("import", "forget", "g.csv")[:2] == (0, "1 rows of g.csv forgotten\n")
    assert run("import", "genres", str(data), "--licence", "own")[0] == 0
    code, _, err = run("import", "forget", "nobody", "--json")
    assert code == 2
    assert "known are: g.csv" in err


def test_an_import_of_a_file_of_no_use_leaves_no_source_behind(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "bad.csv"
    data.write_text("nothing,here\n1,2\n")
    assert run("import", "genres", str(data))[0] == 1
    with Catalog.open(tmp_path / "home" / CATALOG_FILE) as catalog:
        assert catalog.counts()["sources"] == 0


def test_names_alone_can_be_built_and_published(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "lineup.csv"
    data.write_text("name;songkick_id;genres;listeners\nLow;1;Slowcore;9000\nMono;2;Post-Rock;7000\nGas;3;;\n")
    code, out, _ = run("import", "artists", str(data), "--licence", "own")
    assert (code, out) == (0, "3 rows: 3 imported, 0 unchanged, 3 new artists, 0 rejected\n")
    code, _, err = run("build", "--use", "commercial")
    assert (code, "has no audio: artists are compared by imported genres" in err) == (0, True)
    assert "soundkin embed" not in err
    assert run("publish", "--use", "commercial")[0] == 0
    popularity = open_current(tmp_path / "home").contents.artists.popularity
    assert popularity is not None
    assert sorted(popularity[~np.isnan(popularity)].tolist()) == [0.25, 0.75]


def test_rejections_are_counted_by_reason_with_three_examples_and_all_are_in_json(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "g.csv"
    data.write_text("artist,genre,weight\nLow,rock,1\n" + "Low,rock,x\n" * 5 + ",rock,1\n")
    code, out, _ = run("import", "genres", str(data))
    lines = out.splitlines()
    assert code == 1
    detail = "weight must be a finite number of at least 0, not 'x'"
    assert lines[1:3] == ["Rejected, by reason:", f"  bad_number: 5 ({detail})"]
    assert lines[3:6] == [f"    {data}:{row}" for row in (3, 4, 5)]
    assert lines[6:8] == ["    … and 2 more", "  no_artist: 1"]
    assert lines[-1] == "--json lists all"
    assert len(json.loads(run("import", "genres", str(data), "--json")[1])["rejected"]) == 6


def test_failures_of_earlier_runs_are_printed_until_they_are_cured(run: Run, tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    soundfile.write(music / "Low - Silence.wav", render("folk", seed=1, seconds=6.0) * 0, SAMPLE_RATE_HZ)
    assert run("scan", str(music), "--workers", "1")[0] == 0
    assert run("embed", "--workers", "1")[0] == 1
    code, out, _ = run("embed", "--workers", "1")
    assert code == 0
    assert "1 failed in earlier runs (silent 1); --retry-failed tries them again" in out
    code, out, _ = run("embed", "--workers", "1", "--json")
    report = json.loads(out)
    assert report["failed_before"] == {"silent": 1}
    assert [row[:2] for row in report["left_alone"]] == [[str(music / "Low - Silence.wav"), "silent"]]
