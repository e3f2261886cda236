"""The length of MPEG audio by walking its frames, and the count that a Xing header claims.

The count is wrong in files that were cut, joined or edited, and missing in many files of varying bit rate. A walk over
the frames costs 2 ms for four minutes. Layouts: docs/methods.md, "Audio files".
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from indexer.audio.lengths.byte_length import ByteLength
from indexer.audio.mpeg import Frame, parse_frame
from indexer.audio.sound_range import skip_leading_tags

_BLOCK_BYTES = 4 << 20
_HEADER_BYTES = 4
_TAG_WITHIN_BYTES = 256
_MAX_RESYNC_BYTES = 1 << 20
"""Unknown bytes between two frames after which the sound counts as ended. Tags between joined files do not count."""
_FRAME_START = re.compile(rb"\xff(?=[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xef])")
"""What may be a frame with a bit rate: ISO/IEC 11172-3, 2.4.1.3, without the reserved versions, layers and rates."""
_MAX_CANDIDATES = 100_000
"""Such places in unknown bytes of a whole file that are examined. In noise there are 500 in a MiB."""
_MAX_CHANGES = 64
"""Changes of layer or rate after which the walk stops: only damage has that many."""
_FLAG_FRAMES, _FLAG_BYTES, _FLAG_TOC, _FLAG_QUALITY = 1, 2, 4, 8
_TOC_BYTES = 100
_GAPLESS_WRITERS = (b"LAME", b"Lavc", b"Lavf")
_DELAY_AT = 21
"""Bytes from the writer's name to the two 12-bit numbers of samples that the encoder added at either end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCount:
    """What the Xing or Info header in the first frame says."""

    frames: int | None
    sound_bytes: int | None
    delay: int
    """Samples that the encoder added in front; 0 without a LAME tag."""
    padding: int
    """Samples that the encoder added behind."""


@dataclass(slots=True)
class _Walk:
    """The state of a walk: samples by rate, and where the last frame ends."""

    samples: dict[int, int] = field(default_factory=dict)
    frames: int = 0
    position: int = 0
    end: int = 0
    is_cut: bool = False
    candidates: int = 0
    """Places between the streams that were examined."""

    def add(self, frame: Frame, count: int) -> None:
        """Count ``count`` frames like ``frame``."""
        rate_hz = frame.sample_rate_hz
        self.samples[rate_hz] = self.samples.get(rate_hz, 0) + frame.samples * count
        self.frames += count


class _Blocks:
    """Reads a file in large blocks, so that a step over a frame costs no call."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        self.start = 0
        self.bytes = b""

    def at(self, position: int) -> bytes:
        """The block that starts at ``position``."""
        self.file.seek(position)
        self.start, self.bytes = position, self.file.read(_BLOCK_BYTES)
        return self.bytes


def mpeg_length(view: BinaryIO) -> ByteLength | None:
    """Length of the MPEG audio in ``view``, which starts with a frame; None for free format, which tells no length.

    The first frame is not counted when it is a Xing, Info or VBRI header. Samples that the encoder added, by a LAME
    tag, are subtracted. ``is_cut`` when the header counts more frames than there are and the file ends inside one.
    """
    head = view.read(_TAG_WITHIN_BYTES) if view.seek(0) == 0 else b""
    first = parse_frame(head)
    if first is None or not first.length:
        return None
    tag = frame_count(head)
    walk = _walk(view, first)
    has_count = tag is not None or b"VBRI" in head
    if has_count:
        walk.add(first, -1)
    added = _added_samples(tag, walk.frames)
    seconds = sum(samples / rate_hz for rate_hz, samples in walk.samples.items())
    if added < walk.samples[first.sample_rate_hz]:
        seconds -= added / first.sample_rate_hz
    return ByteLength(
        duration_s=seconds,
        sample_rate_hz=first.sample_rate_hz,
        has_no_header=not has_count,
        is_cut=walk.is_cut and _promises_more(tag, walk.frames, walk.end),
        changes=len([samples for samples in walk.samples.values() if samples > 0]) > 1,
    )


def frame_count(head: bytes) -> FrameCount | None:
    """Read the Xing or Info header in the first frame of a file, if there is one."""
    start = max(head.find(b"Xing"), head.find(b"Info"))
    if start < 0 or len(head) < start + 8:
        return None
    flags, at = int.from_bytes(head[start + 4 : start + 8], "big"), start + 8
    numbers: dict[int, int] = {}
    for flag, size in ((_FLAG_FRAMES, 4), (_FLAG_BYTES, 4), (_FLAG_TOC, _TOC_BYTES), (_FLAG_QUALITY, 4)):
        if flags & flag:
            numbers[flag] = int.from_bytes(head[at : at + 4], "big")
            at += size
    delay = padding = 0
    if head[at : at + 4] in _GAPLESS_WRITERS:
        both = int.from_bytes(head[at + _DELAY_AT : at + _DELAY_AT + 3], "big")
        delay, padding = both >> 12, both & 0xFFF
    return FrameCount(
        frames=numbers.get(_FLAG_FRAMES), sound_bytes=numbers.get(_FLAG_BYTES), delay=delay, padding=padding
    )


def _added_samples(tag: FrameCount | None, frames: int) -> int:
    """Samples of the encoder's own: those at the end only if the end that the header counts is there."""
    if tag is None:
        return 0
    return tag.delay + (tag.padding if tag.frames is not None and tag.frames <= frames else 0)


def _promises_more(tag: FrameCount | None, frames: int, end: int) -> bool:
    if tag is None or tag.frames is None or tag.frames <= frames + 1:
        return False
    return tag.sound_bytes is None or tag.sound_bytes > end


def _walk(view: BinaryIO, first: Frame) -> _Walk:
    blocks, walk, stream = _Blocks(view), _Walk(), first
    for _ in range(_MAX_CHANGES):
        _walk_stream(blocks, walk, stream)
        following = _resync(blocks, walk)
        if following is None:
            break
        stream = following
    return walk


def _walk_stream(blocks: _Blocks, walk: _Walk, stream: Frame) -> None:
    """Step over the frames of one stream; ``walk.position`` is then where the next one is missing."""
    lengths = _frame_lengths(stream.kind, stream.sample_rate_hz)
    position, count = walk.position, 0
    block, start = blocks.at(position), blocks.start
    while True:
        at = position - start
        if at + _HEADER_BYTES > len(block):
            block, start, at = blocks.at(position), position, 0
        length = lengths.get(block[at + 1] << 8 | block[at + 2]) if at + 3 < len(block) and block[at] == 0xFF else None
        if length is None:
            break
        position += length
        count += 1
    if position > blocks.size and count:
        walk.is_cut, count = True, count - 1
    walk.add(stream, count)
    walk.position, walk.end = position, min(position, blocks.size)


def _resync(blocks: _Blocks, walk: _Walk) -> Frame | None:
    """Move ``walk.position`` to the next frame that another of its stream follows; None if there is none nearby."""
    behind_tags = skip_leading_tags(blocks.file, walk.position)
    if behind_tags < blocks.size:  # else the size of the tag is a lie
        walk.position = behind_tags
    block = blocks.at(walk.position)[:_MAX_RESYNC_BYTES]
    for match in _FRAME_START.finditer(block):
        at = match.start()
        walk.candidates += 1
        if walk.candidates > _MAX_CANDIDATES:
            break
        frame = parse_frame(block[at : at + _HEADER_BYTES])
        if frame is not None and frame.length:
            second = parse_frame(block[at + frame.length : at + frame.length + _HEADER_BYTES])
            if second is not None and (second.kind, second.sample_rate_hz) == (frame.kind, frame.sample_rate_hz):
                walk.position += at
                walk.is_cut = False
                return frame
    return None


@functools.cache
def _frame_lengths(kind: int, sample_rate_hz: int) -> dict[int, int]:
    """Second and third byte of every frame header of a stream -> length of that frame."""
    lengths = {}
    for second in range(0xE0, 0x100):
        for third in range(0x100):
            frame = parse_frame(bytes((0xFF, second, third, 0)))
            if frame is not None and frame.length and (frame.kind, frame.sample_rate_hz) == (kind, sample_rate_hz):
                lengths[second << 8 | third] = frame.length
    return lengths
