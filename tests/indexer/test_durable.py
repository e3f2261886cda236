"""Folders whose names survive a power cut."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.durable import make_folder
from indexer.store import EmbeddingStore
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
