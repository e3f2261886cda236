"""What a scan records of a file: rows that are taken back, and errors that pass or do not."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.audio.workers.jobs import InspectJob
from indexer.ingest.scan import ScanOptions
from recommender.catalog import Catalog
from recommender.errors import BadInput
from tests.indexer.ingest import scanned_music
from tests.indexer.ingest.scanned_music import retag, scan_here, shelf, write


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = write(tmp_path.resolve() / "music/song.flac", 1)
    retag(path, {"artist": ["Low"], "title": ["Words"]})
    return path


def test_a_row_that_a_later_tracklist_does_not_have_is_taken_back(catalog: Catalog, song: Path, tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    options = ScanOptions(tracklist=table)
    for rows, artist in (("song.flac,Row Act\n", "Row Act"), ("", "Low"), ("song.flac,Other\n", "Other")):
        table.write_text("file,artist\n" + rows)
        scan_here(catalog, song.parent, options)
        assert shelf(catalog) == [(artist, "Words")]
        os.utime(song, ns=(1, song.stat().st_mtime_ns + 10**9))  # it is read again, not only looked at
    scan_here(catalog, song.parent)
    assert shelf(catalog) == [("Other", "Words")], "without a tracklist the last row stays"


@pytest.mark.parametrize(
    ("reason", "stays", "pending"),
    [("unreadable", True, 1), ("decoder_timeout", True, 1), ("truncated", False, 0)],
)
def test_an_error_that_may_pass_costs_no_clip(
    catalog: Catalog, song: Path, monkeypatch: pytest.MonkeyPatch, reason: str, stays: bool, pending: int
) -> None:
    scan_here(catalog, song.parent)
    os.utime(song, ns=(1, 1))

    def fail(path: Path) -> InspectJob:
        raise BadInput(reason, f"{path.name} cannot be read now")

    with monkeypatch.context() as patch:
        patch.setattr(scanned_music, "inspect", fail)
        assert [row.reason for row in scan_here(catalog, song.parent).rejected] == [reason]
    assert (shelf(catalog) == [("Low", "Words")]) == stays
    assert len(catalog.pending_clips("space")) == pending
    retag(song, {"artist": ["Mono"], "title": ["Words"]})
    assert scan_here(catalog, song.parent).rejected == ()
    assert shelf(catalog) == [("Mono", "Words")]


@pytest.mark.parametrize("ctime_tells", [True, False])
def test_a_tagger_that_keeps_size_and_time_is_noticed_by_ctime_or_by_reread(
    catalog: Catalog, song: Path, ctime_tells: bool
) -> None:
    before = song.stat()
    scan_here(catalog, song.parent)
    retag(song, {"artist": ["Wow"], "title": ["Words"]})
    os.utime(song, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = song.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    if not ctime_tells:  # as on a system that has none
        (known,) = catalog.read_files()
        catalog.record_files([replace(known, ctime_ns=after.st_ctime_ns)])
        scan_here(catalog, song.parent)
        assert shelf(catalog) == [("Low", "Words")]
    scan_here(catalog, song.parent, ScanOptions(reread=not ctime_tells))
    assert shelf(catalog) == [("Wow", "Words")]
