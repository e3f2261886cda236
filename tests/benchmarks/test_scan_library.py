"""The claim about scanning a library is measured, and a missed bar is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import scan_library, scan_library_files
from benchmarks.measurement import Measurement
from benchmarks.run import ROOT, claims
from benchmarks.scan_library import Cost, Round, bars_of
from indexer.audio.workers.jobs import inspect


def good_round() -> Round:
    """A round of 100 files that meets every bar."""
    cheap, dear = (Cost(cpu_s=value, wall_s=value, peak_mb=1.0) for value in (0.5, 10.0))
    counts = Counter(rejected=0, vanished=0)
    return Round(
        costs={"first": dear, "reread": dear, "unchanged": cheap, "retag": cheap, "mutagen": replace(dear, cpu_s=2.0)},
        counts={
            "first": {**counts, "new_clips": 100},
            "unchanged": {**counts, "unchanged": 100},
            "reread": {**counts, "known_clips": 100, "new_clips": 0},
            "retag": {**counts, "known_clips": 10, "new_clips": 0},
        },
    )


def missed(found: Round) -> list[str]:
    """Names of the bars that a round of 100 files misses."""
    return [bar.name for bar in bars_of([found], 100) if not bar.passed]


def test_a_round_that_meets_every_bar_misses_none() -> None:
    assert missed(good_round()) == []


def test_a_new_clip_after_retagging_is_a_miss() -> None:
    bad = good_round()
    bad.counts["retag"]["new_clips"] = 1
    assert missed(bad) == ["retag, new_clips: away from 0, most of a round"]


def test_a_slow_unchanged_scan_is_a_miss() -> None:
    bad = good_round()
    bad.costs["unchanged"] = Cost(cpu_s=1.0, wall_s=0.5, peak_mb=1.0)
    assert missed(bad) == ["unchanged scan over the first, cpu_s"]


def test_a_first_scan_that_costs_more_than_its_times_of_mutagen_is_a_miss() -> None:
    bad = good_round()
    bad.costs["mutagen"] = Cost(cpu_s=0.1, wall_s=0.5, peak_mb=1.0)
    assert missed(bad) == ["first scan over mutagen.File alone, CPU"]


def test_every_file_has_a_sound_of_its_own_and_its_tags_and_keeps_the_sound_when_retagged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_library_files, "SOUNDS", 1)
    album = scan_library_files.songs(12)
    forms = ("mp3", "flac", "m4a", "ogg", "opus", "wav")
    made = [
        replace(song, form=form, relative=f"{song.artist}/{song.number}.{form}", is_tagged=True, cover=0)
        for song, form in zip(album, forms * 2, strict=True)
    ]
    # In this process: a child process would encode more sounds than one.
    sounds = {form: [scan_library_files._encode(form, 0)] for form in ("mp3", "m4a", "ogg", "opus")}
    for song in made:
        (tmp_path / song.relative).parent.mkdir(parents=True, exist_ok=True)
    scan_library_files._write_part(tmp_path, sounds, made)
    before = [inspect(tmp_path / song.relative) for song in made]
    assert len({one.audio_id for one in before}) == 12
    assert [one.tags.title for one in before] == [song.title for song in made]
    assert all(5.5 < one.info.duration_s < 7.2 for one in before)
    again = [scan_library_files.retagged(song, 1) for song in made]
    for song, new in zip(made, again, strict=True):
        scan_library_files.retag_file(tmp_path, song, new)
    after = [inspect(tmp_path / song.relative) for song in again]
    assert [one.audio_id for one in after] == [one.audio_id for one in before]
    assert [(one.tags.title, one.tags.artists) for one in after] == [(song.title, (song.artist,)) for song in again]


def test_a_small_run_measures_every_step_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_library_files, "SOUNDS", 1)
    options = ["--files", "12", "--rounds", "1", "--no-beets", "--json", str(tmp_path / "result.json")]
    assert scan_library.main(options) == 1  # with so few files the start of the programs is all the cost
    result = Measurement.read(tmp_path / "result.json")
    assert [row.split("|")[1].strip() for row in result.table_markdown.splitlines()[2:]] == [
        name for step, name in scan_library._STEPS.items() if step != "beets"
    ]
    assert {bar.passed for bar in result.bars if "clips" in bar.name} == {True}
    assert "scan_library" in claims(ROOT / "benchmarks")
