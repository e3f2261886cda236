"""Tracks, clips and files, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recommender.catalog import Catalog
from recommender.catalog.rows import FileRecord, NewClip
from recommender.errors import BadInput
from recommender.names import clip_id
from tests.catalog_rows import add_artist


def add_clip(catalog: Catalog, track_id: str, content: str, path: str) -> str:
    clip = NewClip(
        track_id=track_id, content_sha256=content * 64, start_ms=0, length_ms=30_000, policy="p", source_path=path
    )
    added = catalog.add_clip(clip).clip_id
    catalog.record_files([FileRecord(path=path, size=1, mtime_ns=2, content_sha256=content * 64, clip_id=added)])
    return added


@pytest.fixture
def track_id(catalog: Catalog) -> str:
    return catalog.find_or_add_track(add_artist(catalog, "Low"), "Words")


def test_one_title_of_one_artist_is_one_track(catalog: Catalog) -> None:
    low, mono = add_artist(catalog, "Low"), add_artist(catalog, "Mono")
    first = catalog.find_or_add_track(low, "Où est-il")
    assert catalog.find_or_add_track(low, " OU EST-IL ") == first
    assert catalog.find_or_add_track(mono, "Où est-il") != first
    with pytest.raises(BadInput, match="no_title"):
        catalog.find_or_add_track(low, "  ")


def test_a_clip_is_named_by_its_content_and_excerpt_and_is_new_once(catalog: Catalog, track_id: str) -> None:
    clip = NewClip(track_id=track_id, content_sha256="a" * 64, start_ms=0, length_ms=9, policy="p", source_path="/a")
    first, again = catalog.add_clip(clip), catalog.add_clip(clip)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.clip_id == again.clip_id == clip_id("a" * 64, 0, 9)


def test_a_clip_moves_to_the_track_given_last_and_its_empty_track_goes(catalog: Catalog, track_id: str) -> None:
    moved = add_clip(catalog, track_id, "a", "/a")
    other = catalog.find_or_add_track(add_artist(catalog, "Mono"), "Ashes")
    assert add_clip(catalog, other, "a", "/b") == moved
    assert catalog.read_clips([moved])[moved].track_id == other
    assert catalog.read_clips([moved])[moved].source_path == "/b"
    assert [track.id for track in catalog.read_tracks()] == [other]


def test_a_track_with_another_clip_stays_when_one_moves(catalog: Catalog, track_id: str) -> None:
    add_clip(catalog, track_id, "a", "/a")
    second = add_clip(catalog, track_id, "b", "/b")
    add_clip(catalog, catalog.find_or_add_track(add_artist(catalog, "Mono"), "Ashes"), "a", "/a")
    assert catalog.read_clips([second])[second].track_id == track_id
    assert len(catalog.read_tracks()) == 2


def test_the_ledger_of_files_remembers_the_last_scan(catalog: Catalog) -> None:
    assert catalog.file_record("/x") is None
    rejected = FileRecord(path="/x", size=3_000_000_000, mtime_ns=2**60, reason="silent", detail="-90 dBFS")
    catalog.record_files([rejected])
    assert catalog.file_record("/x") == rejected
    later = FileRecord(path="/x", size=4, mtime_ns=5, reason="too_short", detail="1 s")
    catalog.record_files([later])
    assert catalog.file_record("/x") == later


def test_a_replaced_file_hands_its_clip_to_another_copy_or_the_clip_retires(catalog: Catalog, track_id: str) -> None:
    old = add_clip(catalog, track_id, "a", "/one")
    catalog.record_files([FileRecord(path="/two", size=1, mtime_ns=2, content_sha256="a" * 64, clip_id=old)])
    catalog.mark_done("space", [old])
    new = add_clip(catalog, track_id, "b", "/one")
    assert catalog.read_clips([old])[old].source_path == "/two"
    assert {clip.clip_id for clip in catalog.pending_clips("other")} == {old, new}
    catalog.record_files([FileRecord(path="/two", size=9, mtime_ns=9, reason="truncated", detail="")])
    assert {clip.clip_id for clip in catalog.pending_clips("other")} == {new}
    assert catalog.read_embedded_clips("space") == []


def test_a_file_that_merely_vanished_keeps_its_clip(catalog: Catalog, track_id: str) -> None:
    kept = add_clip(catalog, track_id, "a", "/gone/from/disk")
    catalog.mark_done("space", [kept])
    assert [clip.clip_id for clip in catalog.read_embedded_clips("space")] == [kept]


def test_a_changed_file_of_the_same_sound_lets_its_failed_clip_be_tried_again(catalog: Catalog, track_id: str) -> None:
    clip = add_clip(catalog, track_id, "a", "/a")
    catalog.mark_failed("space", clip, "decoder_crashed", "x")
    same = FileRecord(path="/a", size=1, mtime_ns=2, content_sha256="a" * 64, clip_id=clip)
    for record, failures in ((same, 1), (replace(same, mtime_ns=3), 0)):
        catalog.record_files([record])
        assert len(catalog.failures("space")) == failures
