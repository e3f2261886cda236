"""The folder of clips: gone with its process, or when the next one starts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from indexer.encoder_service.serve import PREFIX, scratch


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What the system has for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(temporary: Path) -> Path:
    """A folder with a clip, as a process leaves it that was killed."""
    folder = temporary / f"{PREFIX}left" / "request"
    folder.mkdir(parents=True)
    (folder / "0").write_bytes(b"somebody's music")
    return folder.parent


def test_the_folder_goes_with_all_that_is_in_it_and_its_descriptor(temporary: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    with scratch() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "clip").write_bytes(b"x")
    assert list(temporary.iterdir()) == []
    assert len(os.listdir("/dev/fd")) == before


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(temporary: Path) -> None:
    with scratch() as living:
        (living / "clip").write_bytes(b"x")
        dead = left(temporary)
        with scratch() as folder:
            assert sorted(temporary.iterdir()) == sorted((living, folder))
            assert (living / "clip").exists()
        assert not dead.exists()


def test_nothing_is_followed_and_nothing_else_is_touched(temporary: Path) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    (temporary / f"{PREFIX}link").symlink_to(precious)
    (left(temporary) / "link").symlink_to(precious)
    (temporary / f"{PREFIX}file").write_bytes(b"x")
    with scratch():
        pass
    assert sorted(path.name for path in temporary.iterdir()) == ["precious", f"{PREFIX}file", f"{PREFIX}link"]
    assert (precious / "file").exists()
