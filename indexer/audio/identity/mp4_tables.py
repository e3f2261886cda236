"""The sound of an MP4 file: the samples of its first sound track, as its sample table and its fragments list them.

Never ``mdat`` as a whole: chapters, covers and films lie in it too. Boxes and tables: ISO/IEC 14496-12.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from indexer.audio.identity.mp4_boxes import Box, child, children, read_table, read_uint32
from indexer.audio.identity.mp4_fragments import fragment_ranges
from indexer.audio.identity.payload import Offsets, Payload, joined, read_at

_TABLE_HEADER_BYTES = 8
"""Version, flags and the number of rows."""


def mp4_payload(file: BinaryIO, size: int) -> Payload | None:
    """The samples of the first sound track, in order; None without one, or where its tables are damaged."""
    boxes = list(children(file, 0, size))
    moov = next((box for box in boxes if box.name == b"moov"), None)
    track = _sound_track(file, moov) if moov is not None else None
    if moov is None or track is None:
        return None
    listed = _listed_ranges(file, child(file, track, b"mdia", b"minf", b"stbl"))
    header = child(file, track, b"tkhd")
    if listed is None or header is None:
        return None
    long_times = read_at(file, header.content, 1) == b"\1"
    track_id = read_uint32(file, header.content + (20 if long_times else 12))
    fragments = [box for box in boxes if box.name == b"moof"]
    starts, ends = fragment_ranges(file, fragments, moov=moov, track_id=track_id)
    return joined(np.concatenate((listed[0], starts)), np.concatenate((listed[1], ends)), size)


def _sound_track(file: BinaryIO, moov: Box) -> Box | None:
    for track in children(file, moov.content, moov.end):
        handler = child(file, track, b"mdia", b"hdlr") if track.name == b"trak" else None
        if handler is not None and read_at(file, handler.content + 8, 4) == b"soun":
            return track
    return None


def _listed_ranges(file: BinaryIO, stbl: Box | None) -> tuple[Offsets, Offsets] | None:
    """(start, end) of each chunk of the track."""
    chunks = _chunk_offsets(file, stbl)
    if chunks is None:
        return None
    samples = _samples_per_chunk(file, child(file, stbl, b"stsc"), len(chunks))
    sizes = _chunk_bytes(file, stbl, samples) if samples is not None else None
    return None if sizes is None else (chunks, chunks + sizes)


def _chunk_offsets(file: BinaryIO, stbl: Box | None) -> Offsets | None:
    short = child(file, stbl, b"stco")
    box = short or child(file, stbl, b"co64")
    rows = _rows(file, box, width=4 if short else 8)
    return None if rows is None else rows[:, 0]


def _samples_per_chunk(file: BinaryIO, box: Box | None, chunks: int) -> Offsets | None:
    """``[chunk]``: the table has a row for each run of chunks that hold equally many samples."""
    rows = _rows(file, box, columns=3)
    if rows is None or (chunks and not len(rows)):
        return None
    firsts = np.append(np.minimum(rows[:, 0] - 1, chunks), chunks)
    runs = np.diff(firsts)
    if np.any(runs < 0) or (chunks and firsts[0] != 0):
        return None
    return np.repeat(rows[:, 1], runs)


def _chunk_bytes(file: BinaryIO, stbl: Box | None, samples: Offsets) -> Offsets | None:
    """``[chunk]``: the sum of the sizes of its samples."""
    box = child(file, stbl, b"stsz")
    if box is None:
        return None
    each, count = read_uint32(file, box.content + 4), read_uint32(file, box.content + 8)
    last = np.minimum(np.cumsum(samples), count)
    first = np.concatenate((np.zeros(1, np.int64), last[:-1])) if len(last) else last
    if each:
        return np.asarray((last - first) * each, np.int64)
    rows = read_table(file, box.content + 12, box.end, shape=(count, 1))
    if rows is None:
        return None
    sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(rows[:, 0])))
    return np.asarray(sums[last] - sums[first], np.int64)


def _rows(file: BinaryIO, box: Box | None, *, columns: int = 1, width: int = 4) -> Offsets | None:
    if box is None:
        return None
    count = read_uint32(file, box.content + 4)
    return read_table(file, box.content + _TABLE_HEADER_BYTES, box.end, shape=(count, columns), width=width)
