"""Clips whose file holds something else by now: not extracted any more, and not counted beside what replaced them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select

from recommender.catalog.tables import clips, files


def overwritten() -> ColumnElement[bool]:
    """True of a row of ``clips`` whose file was scanned later and found to hold another clip, or none.

    A file that merely vanished proves nothing: embeddings outlive audio.
    """
    other = or_(files.c.clip_id.is_(None), files.c.clip_id != clips.c.id)
    return select(files.c.path).where(files.c.path == clips.c.source_path, other).correlate(clips).exists()
