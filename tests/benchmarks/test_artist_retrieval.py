"""The arithmetic of the retrieval benchmark by hand, and one run of it on music made for the purpose."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.artist_retrieval import (
    AUDIO,
    RESAMPLES,
    bootstrap_interval,
    chance,
    main,
    nearest_other,
    permutation_p,
    read_music,
    same_piece,
)
from benchmarks.measurement import Measurement
from indexer.demo.synth import render


def write_set(folder: Path, clips: list[tuple[str, str, str]]) -> Path:
    """Write (artist, title, style) as six-second files, and their manifest."""
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "artist", "title"])
        for number, (artist, title, style) in enumerate(clips):
            waveform = render(style, seed=number, seconds=6.0, sample_rate_hz=22_050)
            soundfile.write(folder / f"{number}.wav", waveform, 22_050)
            rows.writerow([f"{number}.wav", artist, title])
    return folder / "manifest.csv"


def test_chance_is_what_a_random_other_clip_would_score() -> None:
    assert chance(np.array([0, 0, 1, 1, 1])) == pytest.approx((2 * 1 / 4 + 3 * 2 / 4) / 5)


def test_the_nearest_other_clip_is_never_the_clip_itself_nor_a_barred_one() -> None:
    angles = np.radians([0, 10, 30, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    barred = np.eye(4, dtype=bool)
    np.testing.assert_array_equal(nearest_other(vectors, barred=barred), [1, 0, 1, 2])
    barred[0, 1] = barred[1, 0] = True
    np.testing.assert_array_equal(nearest_other(vectors, barred=barred), [2, 2, 1, 2])


def test_the_interval_draws_whole_artists() -> None:
    artists = np.repeat(np.arange(4), 5)
    assert bootstrap_interval(np.ones(20, dtype=bool), artists) == (1.0, 1.0)
    one_of_two = bootstrap_interval(artists < 2, artists)
    assert one_of_two == (0.0, 1.0), "with four artists, all four draws miss in 1 of 16"
    spread_evenly = bootstrap_interval(np.tile([True, False, True, False, True], 4), artists)
    assert spread_evenly == (0.6, 0.6), "every artist scores 3 of 5, so any draw of artists does"


def test_p_is_small_for_a_perfect_retrieval_and_large_for_a_useless_one() -> None:
    artists = np.repeat(np.arange(12), 2)
    partner = np.arange(24) ^ 1
    assert permutation_p(partner, artists) == 1 / (RESAMPLES + 1), "one shuffle in 3e11 does as well"
    assert permutation_p((np.arange(24) + 2) % 24, artists) == 1.0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("dangerous_voyage", "Dangerous Voyage (music box)", True),
        ("a_small_town_on_pluto_composed", "a_small_town_on_pluto_music_box", True),
        ("The Energetic Rat, Jordach mix", "The Evil Sister, Jordach mix", False),
        ("track_02", "track_03", False),
        ("Midnight Mix", "Midnight Mix", True),
        ("winter", "winter blues", False),
    ],
)
def test_versions_of_a_piece_are_told_by_their_titles(one: str, other: str, same: bool) -> None:
    assert same_piece(one, other) is same
    assert same_piece(other, one) is same


def test_only_artists_with_two_clips_that_are_there_take_part(tmp_path: Path) -> None:
    manifest = write_set(
        tmp_path,
        [
            ("Ann", "a", "folk"),
            ("ANN", "b", "folk"),
            ("Bob", "c", "trap"),
            ("Cid", "d", "techno"),
            ("Cid", "e", "techno"),
        ],
    )
    (tmp_path / "4.wav").unlink()
    music = read_music(tmp_path, manifest)
    assert music.files == ("0.wav", "1.wav")
    np.testing.assert_array_equal(music.artists, [0, 0])
    np.testing.assert_array_equal(music.same_recording, np.eye(2, dtype=bool))


def test_a_run_writes_what_the_page_needs_and_finds_plain_artists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    styles = ("techno", "folk", "ambient", "drum_and_bass")
    clips = [(style, f"piece {number}", style) for style in styles for number in range(3)]
    clips[1] = (styles[0], "piece 0 (remix)", styles[0])
    write_set(tmp_path, clips)
    out = tmp_path / "result.json"
    assert main(["--audio", str(tmp_path), "--json", str(out)]) == 0
    measured = Measurement.read(out)
    assert measured.table_markdown in capsys.readouterr().out
    assert measured.table_markdown.count("\n") == 7, "head, rule, five layers, all"
    assert any("2 clips have another version" in note for note in measured.notes)
    figures = json.loads(out.read_text(encoding="utf-8"))["figures"]["all layers, side by side"]
    assert figures["queries"] == 12
    assert figures["chance"] == pytest.approx(2 / 11)
    assert figures["accuracy"] >= 0.75
    assert figures["interval"][0] <= figures["accuracy"] <= figures["interval"][1]
    assert figures["p_value"] < 0.01


def test_without_audio_nothing_is_measured_and_that_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "result.json"
    assert main(["--audio", str(tmp_path / "nowhere"), "--json", str(out)]) == 0
    assert "nothing was measured" in capsys.readouterr().out
    assert not out.exists()


@pytest.mark.skipif(not (AUDIO / "manifest.csv").is_file(), reason="there is no ../shared/audio beside this checkout")
def test_on_real_music_all_layers_beat_chance_fourfold(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    assert main(["--json", str(out)]) == 0
    figures = json.loads(out.read_text(encoding="utf-8"))["figures"]["all layers, side by side"]
    assert figures["accuracy"] >= 4 * figures["chance"]
    assert figures["p_value"] < 0.001
