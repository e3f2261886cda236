"""Files that are gone, moved, back again or cannot be reached now: what leaves the catalog, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from indexer.ingest import scan as scan_module
from indexer.ingest.facts.derive import derive
from indexer.ingest.scan import ScanOptions
from indexer.ingest.walk_folder import FoundFile, Walk, walk
from recommender.catalog import Catalog
from recommender.errors import BadInput
from tests.indexer.ingest.scanned_music import retag, scan_here, shelf, write

FORGET = ScanOptions(forget_after_days=10)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two files, and a folder of each."""
    folder = tmp_path.resolve() / "music"
    for seed, name in enumerate(("Low/Words.flac", "Mono/Ashes.flac")):
        retag(write(folder / name, seed), {})
    return folder


def vanished_since(catalog: Catalog, days: float) -> None:
    """Make every vanished file one that vanished ``days`` ago."""
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    catalog.set_vanished([file.path for file in catalog.read_files() if file.vanished_at], at=at)


def test_a_file_is_forgotten_when_it_was_gone_for_so_many_days(catalog: Catalog, music: Path) -> None:
    scan_here(catalog, music)
    (music / "Low/Words.flac").unlink()
    for days, forgotten in ((0.0, 0), (9.9, 0), (10.1, 1)):
        vanished_since(catalog, days)
        report = scan_here(catalog, music, FORGET)
        assert (report.vanished, report.forgotten) == (1 - forgotten, forgotten)
        assert (("Low", "Words") in shelf(catalog)) == (not forgotten)
    assert catalog.counts()["clips"] == 2, "its embedding may be needed again"


def test_a_file_that_is_back_is_not_vanished_even_where_it_cannot_be_used(catalog: Catalog, music: Path) -> None:
    """Else the day on which it vanishes again would be the first one, and it would be forgotten at once."""
    scan_here(catalog, music)
    records = catalog.read_files()
    reasons = ("decoder_crashed", "silent")
    catalog.record_files(
        [
            replace(record, reason=reason, detail="x", losses=9, vanished_at="2020-01-01T00:00:00+00:00")
            for record, reason in zip(records, reasons, strict=True)
        ]
    )
    assert scan_here(catalog, music, FORGET).quarantined == 1
    assert [file.vanished_at for file in catalog.read_files()] == [None, None]


def test_a_disk_that_is_not_mounted_costs_nothing_even_with_a_note_in_its_place(
    catalog: Catalog, music: Path, tmp_path: Path
) -> None:
    scan_here(catalog, music)
    music.rename(tmp_path / "aside")
    music.mkdir()
    for _ in range(2):
        report = scan_here(catalog, music, ScanOptions(forget_after_days=0))
        assert (report.forgotten, "empty_folder" in {row.reason for row in report.rejected}) == (0, True)
        assert shelf(catalog) == [("Low", "Words"), ("Mono", "Ashes")]
        (music / "NOT MOUNTED").write_text("no audio")


def test_a_folder_that_cannot_be_listed_costs_nothing(
    catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_here(catalog, music)
    real = walk

    def without_low(folder: Path) -> Walk:
        walked = real(folder)
        low = BadInput("unreadable", "Permission denied")
        files = tuple(file for file in walked.files if "/Low/" not in file.path)
        return replace(walked, files=files, unreadable=(rejected(str(music / "Low"), low),))

    monkeypatch.setattr(scan_module, "walk", without_low)
    report = scan_here(catalog, music, ScanOptions(forget_after_days=0))
    assert (report.vanished, report.forgotten) == (0, 0)
    assert len(shelf(catalog)) == 2


def rejected(path: str, error: BadInput) -> Any:  # Any: indexer.tabular.records.Rejected
    from indexer.tabular.records import Rejected

    return Rejected(path=path, reason=error.reason, detail=error.detail)


@pytest.mark.parametrize("reason", ["unreadable", "bad_path"])
def test_a_file_whose_state_cannot_be_read_now_keeps_its_clip_and_a_bad_path_does_not(
    catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    scan_here(catalog, music)
    real = walk

    def faulty(folder: Path) -> Walk:
        def spoiled(file: FoundFile) -> FoundFile:
            if "Low" not in file.path:
                return file
            return replace(file, size=0, mtime_ns=0, ctime_ns=0, fault=BadInput(reason, "as the system says"))

        walked = real(folder)
        return replace(walked, files=tuple(map(spoiled, walked.files)))

    monkeypatch.setattr(scan_module, "walk", faulty)
    report = scan_here(catalog, music)
    assert [row.reason for row in report.rejected] == [reason]
    assert (("Low", "Words") in shelf(catalog)) == (reason == "unreadable")
    monkeypatch.undo()
    assert scan_here(catalog, music).rejected == ()
    assert shelf(catalog) == [("Low", "Words"), ("Mono", "Ashes")]


def test_a_moved_file_is_forgotten_at_its_old_path_at_once_and_only_there(catalog: Catalog, music: Path) -> None:
    scan_here(catalog, music)
    (music / "Low/Words.flac").rename(music / "Low - Words.flac")
    assert scan_here(catalog, music).vanished == 0
    assert {Path(file.path).name for file in catalog.read_files()} == {"Ashes.flac", "Low - Words.flac"}
    (music / "Low - Words.flac").unlink()
    assert scan_here(catalog, music).vanished == 1
    assert ("Low", "Words") in shelf(catalog)


def test_files_of_a_folder_whose_name_only_begins_alike_are_not_below_it(catalog: Catalog, music: Path) -> None:
    names = ("Low", "low", "Low%", "Low_", "Low0", "Low B-sides")
    for seed, name in enumerate(names[1:], start=7):
        retag(write(music / name / "Song.flac", seed), {})
    scan_here(catalog, music)
    for name in names:
        below = catalog.files_below(str(music / name))
        assert {Path(path).parent.name for path in below} == {name}


def test_a_ledger_that_was_changed_by_hand_ends_no_scan_and_is_read_again(
    database_url: str, music: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from sqlalchemy import text

    from recommender.catalog import database

    with Catalog.open(database_url) as catalog:
        scan_here(catalog, music)
        before, ids = shelf(catalog), sorted(track.id for track in catalog.read_tracks())
    engine = database.create(database_url)
    for changed in ("tags = '{'", "tags = '[]', layout = '7'", "tracklist_row = '{\"artist\": 3}'", "tags = 'null'"):
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE files SET {changed}"))  # noqa: S608, constants above
        with Catalog.open(database_url) as catalog:
            caplog.clear()
            assert scan_here(catalog, music).rejected == ()
            derive(catalog, only_if_changed=False)
            assert (shelf(catalog), sorted(track.id for track in catalog.read_tracks())) == (before, ids)
            assert "scan its folder again" in caplog.text
    engine.dispose()
