"""Folders whose names survive a power cut."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from indexer.files import failpoints
from indexer.files.atomic import make_folder, remove_parts, require_space, write_file
from indexer.store.store import EmbeddingStore
from recommender.errors import DiskFull
from tests.factories import make_space


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Inodes of everything that fsync is called on."""
    seen: set[int] = set()
    fsync = os.fsync

    def recording(descriptor: int) -> None:
        fsync(descriptor)
        seen.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", recording)
    return seen


def test_the_parent_of_every_folder_made_is_synced(tmp_path: Path, synced: set[int]) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    assert synced == {path.stat().st_ino for path in (tmp_path, tmp_path / "a", tmp_path / "a" / "b")}


def test_nothing_is_done_where_nothing_is_missing(tmp_path: Path, synced: set[int]) -> None:
    make_folder(tmp_path)
    assert synced == set()


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a")


def test_a_new_store_is_durable_up_to_its_home(tmp_path: Path, synced: set[int]) -> None:
    folder = EmbeddingStore(tmp_path, make_space()).folder
    assert {path.stat().st_ino for path in (tmp_path, tmp_path / "embeddings", folder)} <= synced


def test_parts_of_files_that_were_never_finished_are_removed_and_their_bytes_counted(tmp_path: Path) -> None:
    (tmp_path / ".CURRENT.12.part").write_bytes(b"12345")
    (tmp_path / "CURRENT").write_bytes(b"whole")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / ".x.12.part").write_bytes(b"1")
    assert remove_parts(tmp_path) == 5
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".x.12.part", "CURRENT", "below"]


@pytest.mark.parametrize("fault", ["opened", "written", "synced"])
def test_a_file_that_could_not_be_finished_leaves_the_old_one_and_no_part(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, f"file.{fault}:eio")
    failpoints.injected.cache_clear()
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OSError, match="failpoint"):
        write_file(tmp_path / "a", [b"new"])
    monkeypatch.undo()
    failpoints.injected.cache_clear()
    failpoints._reached.clear()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_an_fsync_that_failed_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def failing(descriptor: int) -> None:
        tried.append(descriptor)
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="broken"):
        write_file(tmp_path / "a", [b"new"])
    assert len(tried) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_build_is_not_begun_without_room_for_it(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    require_space(tmp_path, free // 3)
    with pytest.raises(DiskFull, match="soundkin collect") as refused:
        require_space(tmp_path, free // 2)
    assert refused.value.needed == pytest.approx(1.1 * free, rel=0.01)
