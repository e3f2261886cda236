"""The demo catalog on disk is complete, readable, consistent with its data files, and the same every time."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from indexer.demo.synth import SyntheticCatalog, render, write_catalog
from indexer.demo.synth.artists import ARTISTS, SCENE, UNMAPPED
from recommender.genres import fold_genre


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What the writer said while it worked."""
    return []


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> SyntheticCatalog:
    return write_catalog(tmp_path_factory.mktemp("synth") / "music", progress=told.append)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_there_are_eight_artists_with_five_clips_each(catalog: SyntheticCatalog, told: list[str]) -> None:
    assert Counter(clip.artist for clip in catalog.clips) == {artist.name: 5 for artist in ARTISTS}
    assert len(ARTISTS) == 8
    assert told == [f"{clip.artist} - {clip.title}" for clip in catalog.clips]


def test_every_file_decodes_to_thirty_seconds_without_clipping(catalog: SyntheticCatalog) -> None:
    for clip in catalog.clips:
        sound, rate = soundfile.read(clip.path, dtype="float32")
        assert rate == 32_000, clip.path
        assert sound.shape == (960_000,), clip.path
        assert 0.1 < np.abs(sound).max() < 0.9, clip.path


def test_most_files_are_flac_and_the_others_exercise_two_more_decoders(catalog: SyntheticCatalog) -> None:
    assert Counter(clip.path.suffix for clip in catalog.clips) == {".flac": 32, ".wav": 4, ".mp3": 4}


def test_no_two_files_hold_the_same_music(catalog: SyntheticCatalog) -> None:
    hashes = {hashlib.sha256(clip.path.read_bytes()).hexdigest() for clip in catalog.clips}
    assert len(hashes) == 40


def test_a_lossless_file_holds_what_was_rendered(catalog: SyntheticCatalog) -> None:
    clip = catalog.clips[11]
    sound, _ = soundfile.read(clip.path, dtype="float32")
    assert np.abs(sound - render("drum_and_bass", seed=1, seconds=30.0)).max() <= 1.01 / 2**15


def test_the_files_carry_their_artist_and_title_as_tags(catalog: SyntheticCatalog) -> None:
    for clip in catalog.clips:
        tags = mutagen.File(clip.path, easy=True) if clip.path.suffix != ".wav" else None
        if tags is not None:
            assert (tags["artist"], tags["title"]) == ([clip.artist], [clip.title])


def test_the_tracklist_names_exactly_the_files_that_are_there(catalog: SyntheticCatalog) -> None:
    rows = _rows(catalog.tracklist)
    assert list(rows[0]) == ["file", "artist", "title", "genre"]
    found = {
        path.relative_to(catalog.folder).as_posix()
        for path in catalog.folder.rglob("*")
        if path.suffix in (".flac", ".wav", ".mp3")
    }
    assert len(rows) == 40
    assert {row["file"] for row in rows} == found


def test_the_tracklist_agrees_with_the_catalog(catalog: SyntheticCatalog) -> None:
    for row, clip in zip(_rows(catalog.tracklist), catalog.clips, strict=True):
        assert catalog.folder / row["file"] == clip.path
        assert (row["artist"], row["title"]) == (clip.artist, clip.title)
        assert tuple(row["genre"].split(";")) == clip.genres


def test_genres_are_written_as_they_are_compared() -> None:
    assert all(fold_genre(genre) == genre for artist in ARTISTS for genre in artist.genres)


def test_the_scene_map_is_in_the_music_map_format_ranked_by_strength(catalog: SyntheticCatalog) -> None:
    lists = json.loads(catalog.scene.read_text(encoding="utf-8"))
    assert set(lists) == set(SCENE)
    for artist, entry in lists.items():
        assert entry["status"] == "success"
        similar = entry["similar_artists"]
        assert [row["rank"] for row in similar] == list(range(1, len(similar) + 1))
        strengths = [row["relationship_strength"] for row in similar]
        assert strengths == sorted(strengths, reverse=True)
        assert artist not in [row["name"] for row in similar]


def test_one_artist_is_unknown_to_the_scene_and_two_neighbours_to_the_catalog(catalog: SyntheticCatalog) -> None:
    lists = json.loads(catalog.scene.read_text(encoding="utf-8"))
    mentioned = set(lists) | {row["name"] for entry in lists.values() for row in entry["similar_artists"]}
    ours = {artist.name for artist in ARTISTS}
    assert ours - mentioned == {UNMAPPED}
    assert len(mentioned - ours) == 2


def test_collaborations_are_between_two_of_our_artists(catalog: SyntheticCatalog) -> None:
    rows = _rows(catalog.collaborations)
    assert list(rows[0]) == ["artist_a", "artist_b", "kind", "title", "credited"]
    ours = {artist.name for artist in ARTISTS}
    assert {row["kind"] for row in rows} == {"joint", "featured", "remix"}
    for row in rows:
        assert {row["artist_a"], row["artist_b"]} <= ours
        assert row["artist_a"] != row["artist_b"]
        assert row["title"]
        assert int(row["credited"]) >= 2


def test_a_recording_with_three_credits_lists_all_three_pairs(catalog: SyntheticCatalog) -> None:
    threes = [row for row in _rows(catalog.collaborations) if row["credited"] == "3"]
    names = {name for row in threes for name in (row["artist_a"], row["artist_b"])}
    assert len(threes) == len(names) == 3


def test_a_second_run_replaces_files_by_the_same_bytes(catalog: SyntheticCatalog, tmp_path: Path) -> None:
    """Two artists suffice: the last clip of the one is WAV, of the other MP3."""
    first = write_catalog(tmp_path, artists=ARTISTS[:2])
    first.clips[0].path.write_bytes(b"something else")
    again = write_catalog(tmp_path, artists=ARTISTS[:2])
    assert len(again.clips) == 10
    for clip, reference in zip(again.clips, catalog.clips, strict=False):
        assert clip.path.read_bytes() == reference.path.read_bytes(), clip.path
