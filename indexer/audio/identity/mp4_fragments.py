"""The samples of one track in the fragments of an MP4 file (``moof`` boxes), which a streaming writer uses."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from indexer.audio.identity.mp4_boxes import Box, child, children, read_table, read_uint32
from indexer.audio.identity.payload import Offsets

_HAS_BASE, _HAS_DESCRIPTION, _HAS_DURATION, _HAS_SIZE = 1, 2, 8, 0x10
"""Flags of ``tfhd``: which of its fields are there, in this order."""
_RUN_HAS_OFFSET, _RUN_HAS_FIRST_FLAGS = 1, 4
_RUN_COLUMNS = (0x100, 0x200, 0x400, 0x800)
"""Flags of ``trun``: the columns of its table are duration, size, flags and time offset, those that are there."""
_RUN_HAS_SIZES = 0x200
_MAX_OFFSET = 1 << 48
"""Larger offsets are no offsets of any file; up to here sums fit in 64 bits."""


@dataclass(slots=True)
class _Fragment:
    """Where the samples of a track fragment lie."""

    base: int
    """Offset that the offsets of its runs count from."""
    sample_bytes: int
    """Size of each sample, where a run does not list them."""
    position: int
    """Where a run without an offset starts: behind the run before it."""


def fragment_ranges(file: BinaryIO, moofs: Sequence[Box], *, moov: Box, track_id: int) -> tuple[Offsets, Offsets]:
    """(starts, ends) of the runs of samples of the track, in order."""
    starts, ends = array("q"), array("q")
    default_bytes = _default_bytes(file, moov, track_id) if moofs else 0
    for moof in moofs:
        for traf in children(file, moof.content, moof.end):
            fragment = _fragment(file, moof, traf, track_id=track_id, default_bytes=default_bytes)
            if fragment is not None:
                _add_runs(file, traf, fragment, starts, ends)
    return np.array(starts, np.int64), np.array(ends, np.int64)


def _default_bytes(file: BinaryIO, moov: Box, track_id: int) -> int:
    """The size of samples that ``trex`` gives for the track."""
    extends = child(file, moov, b"mvex")
    boxes = children(file, extends.content, extends.end) if extends is not None else iter(())
    for box in boxes:
        if box.name == b"trex" and read_uint32(file, box.content + 4) == track_id:
            return read_uint32(file, box.content + 16)
    return 0


def _fragment(file: BinaryIO, moof: Box, traf: Box, *, track_id: int, default_bytes: int) -> _Fragment | None:
    header = child(file, traf, b"tfhd") if traf.name == b"traf" else None
    if header is None or read_uint32(file, header.content + 4) != track_id:
        return None
    flags, position = read_uint32(file, header.content) & 0xFFFFFF, header.content + 8
    base = moof.start
    if flags & _HAS_BASE:
        base = read_uint32(file, position) << 32 | read_uint32(file, position + 4)
        position += 8
    position += 4 * sum(bool(flags & field) for field in (_HAS_DESCRIPTION, _HAS_DURATION))
    sample_bytes = read_uint32(file, position) if flags & _HAS_SIZE else default_bytes
    return _Fragment(min(base, _MAX_OFFSET), sample_bytes, min(base, _MAX_OFFSET))


def _add_runs(file: BinaryIO, traf: Box, fragment: _Fragment, starts: array[int], ends: array[int]) -> None:
    for run in children(file, traf.content, traf.end):
        if run.name != b"trun":
            continue
        flags, count = read_uint32(file, run.content) & 0xFFFFFF, read_uint32(file, run.content + 4)
        position = run.content + 8
        if flags & _RUN_HAS_OFFSET:
            offset = read_uint32(file, position)
            fragment.position = fragment.base + (offset - (1 << 32) if offset >> 31 else offset)
            position += 4
        position += 4 if flags & _RUN_HAS_FIRST_FLAGS else 0
        listed = bool(flags & _RUN_HAS_SIZES)
        length = _listed_bytes(file, position, run.end, flags, count=count) if listed else count * fragment.sample_bytes
        starts.append(fragment.position)
        fragment.position = min(fragment.position + length, _MAX_OFFSET)
        ends.append(fragment.position)


def _listed_bytes(file: BinaryIO, position: int, end: int, flags: int, *, count: int) -> int:
    columns = [flag for flag in _RUN_COLUMNS if flags & flag]
    rows = read_table(file, position, end, shape=(count, len(columns)))
    return 0 if rows is None else int(rows[:, columns.index(_RUN_HAS_SIZES)].sum())
