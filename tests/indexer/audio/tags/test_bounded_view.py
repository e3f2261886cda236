"""A view of a file: starts where the tags start, and ends before a hostile size costs anything."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from indexer.audio.tags.bounded_view import MAX_TAG_BYTES, BoundedView


def test_a_view_starts_at_its_offset() -> None:
    view = BoundedView(io.BytesIO(b"0123456789"), 4)
    assert view.read(2) == b"45"
    assert view.seek(-2, io.SEEK_END) == 4
    assert (view.read(), view.read(5)) == (b"89", b"")
    with pytest.raises(OSError, match="before the start"):
        view.seek(-7, io.SEEK_END)


def test_a_view_ends_when_it_was_read_too_much(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(MAX_TAG_BYTES + 1)
    with path.open("rb") as file:
        view = BoundedView(file)
        assert len(view.read(1000)) == 1000
        with pytest.raises(OSError, match="more than"):
            view.read()
