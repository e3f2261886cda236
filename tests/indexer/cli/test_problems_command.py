"""The command `soundkin problems`: every kind of problem, counted, with examples and what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.audio.rejection_reasons import Reason
from indexer.cli.problems_command import cure_of
from indexer.files.home import CATALOG_FILE
from indexer.ingest.facts.derive import IDENTITY
from recommender.catalog import Catalog
from recommender.catalog.file_facts import FileTags
from recommender.catalog.rows import FileRecord, NewClip
from tests.catalog_rows import add_artist
from tests.indexer.cli.conftest import Run


@pytest.fixture
def troubled(tmp_path: Path) -> Path:
    """A home whose catalog has problems of every kind."""
    with Catalog.open(tmp_path / CATALOG_FILE) as catalog:
        track = catalog.find_or_add_track(add_artist(catalog, "Low"), "Words")
        clip = NewClip(
            track_id=track, content_sha256="a" * 64, start_ms=0, length_ms=1, policy="-", source_path="/m/ok.mp3"
        )
        clip_id = catalog.add_clip(clip).clip_id
        plain = FileRecord(path="", size=1, mtime_ns=1)
        silent = [replace(plain, path=f"/m/s{n}.wav", reason="silent", detail="all of it") for n in range(5)]
        catalog.record_files(
            [
                *silent,
                replace(plain, path="/m/x.mp3", reason="no_artist", detail="no tags\x1b[2J"),
                replace(plain, path="/m/y.mp3", tags=FileTags(doubtful=("title", "album"), repaired=("artists",))),
                replace(plain, path="/m/gone.mp3", clip_id=clip_id, vanished_at="2026-01-03"),
                replace(plain, path="/m/gone2.mp3", clip_id=clip_id, vanished_at="2026-01-01"),
                replace(plain, path="/m/ok.mp3", clip_id=clip_id, tags=FileTags()),
            ]
        )
        catalog.mark_failed("one", clip_id, "encoder_failed", "NaN")
        catalog.mark_failed("two", clip_id, "decoder_timeout", "60 s")
    return tmp_path


@pytest.mark.usefixtures("troubled")
def test_problems_are_counted_with_three_examples_and_what_to_do(run: Run) -> None:
    code, out, _ = run("problems")
    assert code == 0
    assert "  silent: 5 (all of it)\n    /m/s0.wav\n" in out
    assert out.count("/m/s") == 3
    assert "… and 2 more" in out
    assert "--json lists all" in out
    assert "  no_artist: 1\n    /m/x.mp3: no tags\ufffd[2J\n    to do: tag it" in out
    assert "  doubtful: 1\n    /m/y.mp3: title, album\n" in out
    assert "  vanished: 2, the first missed on 2026-01-01\n" in out
    assert "  encoder_failed: 1\n    /m/ok.mp3: NaN [one]\n" in out


@pytest.mark.usefixtures("troubled")
def test_json_has_every_problem(run: Run) -> None:
    code, out, _ = run("problems", "--json")
    report = json.loads(out)
    assert (code, len(report["problems"])) == (0, 12)
    assert {(row["kind"], row["reason"]): row["count"] for row in report["counts"]} == {
        ("rejected", "silent"): 5,
        ("identity", "no_artist"): 1,
        ("text", "doubtful"): 1,
        ("text", "repaired"): 1,
        ("vanished", "vanished"): 2,
        ("embed", "encoder_failed"): 1,
        ("embed", "decoder_timeout"): 1,
    }
    assert [row["space"] for row in report["problems"] if row["kind"] == "embed"] == ["one", "two"]


@pytest.mark.usefixtures("troubled")
@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (("--reason", "no_artist"), ["/m/x.mp3"]),
        (("--file", "/m/y.mp3"), ["/m/y.mp3"] * 2),
        (("--file", "/m/../m/s1.wav", "--reason", "silent"), ["/m/s1.wav"]),
        (("--reason", "nothing"), []),
    ],
)
def test_problems_of_one_reason_or_file(run: Run, words: tuple[str, ...], paths: list[str]) -> None:
    assert [row["path"] for row in json.loads(run("problems", "--json", *words)[1])["problems"]] == paths


def test_a_catalog_without_problems(run: Run) -> None:
    assert run("problems")[:2] == (0, "no problems\n")
    assert json.loads(run("problems", "--json")[1]) == {"problems": [], "counts": []}


@pytest.mark.parametrize("reason", [*Reason, *sorted(IDENTITY), "unknown"])
def test_there_is_something_to_do_about_every_reason(reason: str) -> None:
    assert len(cure_of(reason)) > 10
