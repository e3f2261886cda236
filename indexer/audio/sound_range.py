"""Where the sound of a file starts and ends, without the tags and padding around it; and a file object of only that.

Decoders stumble over what taggers put around a format: an ID3 tag before FLAC, zeros before an mp3, an APEv2 tag behind
it. The layouts of the tags: docs/methods.md, "Audio files".
"""

from __future__ import annotations

import errno
import io
import os
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from indexer.audio.mpeg import id3_bytes
from indexer.audio.rejection_reasons import Reason
from indexer.audio.signatures import (
    HEADER_BYTES,
    Container,
    confirmed_frame,
    container_at,
    is_other_file,
    unsupported_at,
)
from recommender.errors import BadInput

MAX_JUNK_BYTES = 256 << 10
"""Of unknown bytes, searched for the start of the sound. Tags are skipped whatever their size."""
MAX_PADDING_BYTES = 4 << 20
"""Of zeros before the sound: they cost next to nothing, and a tagger that moved a cover leaves as many."""

_MAX_TAGS = 64
"""Tags that are skipped at either end."""
_ID3_HEADER_BYTES = 10
_ID3_FOOTER = b"3DI"
_ID3V1_BYTES = 128
_ID3V1_EXTENDED_BYTES = 227
_APE = b"APETAGEX"
_APE_FOOTER_BYTES = 32
_APE_HAS_HEADER = 0x80
_APE_IS_HEADER = 0x20
_LYRICS_START = b"LYRICSBEGIN"
_LYRICS_1_END, _LYRICS_2_END = b"LYRICSEND", b"LYRICS200"
_LYRICS_SIZE_DIGITS = 6
_LYRICS_1_BYTES = 5100
_TAIL_BYTES = 256
_VIEW_BUFFER_BYTES = 64 << 10

_STARTS = re.compile(rb"fLaC\x00\x00\x00\x22|OggS\x00\x02|\xff[\xe0-\xff]")
"""What the sound may start with behind unknown bytes: a FLAC header, the first page of an ogg stream, a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundRange:
    """The bytes of a file from the first of its format to the last before its tags: ``[start, end)``."""

    start: int
    end: int
    container: Container


def find_sound(file: BinaryIO, *, search: bool = True) -> SoundRange:
    """Skip tags and padding at both ends of ``file``; with ``search`` also unknown bytes before the sound.

    Any number of ID3v2, APEv2 and TAG blocks may come first, and zeros up to :data:`MAX_PADDING_BYTES`; behind unknown
    bytes (at most :data:`MAX_JUNK_BYTES`) three frames in a row, a FLAC header or the first page of an ogg stream are a
    start. Texts, archives and films are never searched. The file position afterwards is undefined.

    Raises BadInput: ``not_audio``, or ``unsupported`` for audio of a format Soundkin does not decode.
    """
    size = file.seek(0, os.SEEK_END)
    start, container = _find_start(file, size, search=search)
    return SoundRange(start=start, end=_find_end(file, start, size), container=container)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagPlaces:
    """Where the tags of a file may lie."""

    start: int
    """Offset of the sound, whose format may have tags of its own."""
    id3: tuple[int, ...]
    """Offsets of ID3v2 tags, those in front of the sound first."""


def find_tags(file: BinaryIO) -> TagPlaces:
    """Where the sound of ``file`` starts, and the ID3v2 tags around it. The file position afterwards is undefined.

    Raises BadInput as :func:`find_sound` does.
    """
    size = file.seek(0, os.SEEK_END)
    start, _ = _find_start(file, size, search=True)
    behind = [at for at in _tags_behind(file, start, size) if _read_at(file, at, 3) == b"ID3"]
    return TagPlaces(start=start, id3=(*_front(file, size).id3, *behind))


class SoundView(io.BufferedReader):
    """A read-only file object of the bytes ``[start, end)`` of an open file; closing it leaves that file open.

    It has no descriptor: a library has to read it through ``read`` and ``seek``.
    """

    def __init__(self, file: BinaryIO, sound: SoundRange) -> None:
        super().__init__(_RawView(file, sound.start, sound.end), _VIEW_BUFFER_BYTES)


class _RawView(io.RawIOBase):
    """The view without a buffer. Seeks before each read, so several views may share one file."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        super().__init__()
        self._file = file
        self._start, self._length = start, end - start
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "a position before the start of the sound")
        self._position = base + offset
        return self._position

    # Python 3.11 has no name for the type of any buffer.
    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        target = memoryview(buffer).cast("B")
        left = max(0, self._length - self._position)
        block = _read_at(self._file, self._start + self._position, min(len(target), left))
        target[: len(block)] = block
        self._position += len(block)
        return len(block)


@dataclass(slots=True, kw_only=True)
class _Front:
    """What lies before the sound, as far as it is tags and padding."""

    position: int = 0
    """Offset behind it."""
    container: Container | None = None
    """The format that starts there, None for unknown bytes."""
    id3: list[int] = field(default_factory=list)
    """Offsets of ID3v2 tags."""
    is_tagged: bool = False


def _find_start(file: BinaryIO, size: int, *, search: bool) -> tuple[int, Container]:
    """(offset of the first byte of the format, the format). Raises BadInput."""
    front = _front(file, size)
    if front.container is not None:
        return front.position, front.container
    if search and not front.is_tagged:
        search = not is_other_file(_read_at(file, 0, HEADER_BYTES))
    return _start_behind_junk(file, front.position, search=search)


def _front(file: BinaryIO, size: int) -> _Front:
    """Go past tags and zeros at the start of ``file``."""
    front, padding = _Front(), 0
    for _ in range(_MAX_TAGS):
        header = _read_at(file, front.position, HEADER_BYTES)
        front.container = container_at(header)
        if front.container is not None:
            break
        tag = _leading_tag_bytes(header)
        front.is_tagged = front.is_tagged or tag > 0
        if header.startswith(b"ID3") and tag:
            front.id3.append(front.position)
        if tag and front.position + tag > size:
            front.position += _ID3_HEADER_BYTES  # the size is a lie: what the tag holds is searched as unknown bytes
            break
        zeros = 0 if tag else _zeros(file, front.position, MAX_PADDING_BYTES - padding)
        if not tag and not zeros:
            break
        padding += zeros
        front.position = _box_before(file, front.position + zeros) if zeros else front.position + tag
    return front


def _start_behind_junk(file: BinaryIO, position: int, *, search: bool) -> tuple[int, Container]:
    block = _read_at(file, position, MAX_JUNK_BYTES + HEADER_BYTES if search else HEADER_BYTES)
    container = container_at(block[:HEADER_BYTES])
    if container is not None:
        return position, container
    other = unsupported_at(block)
    if other is not None:
        raise BadInput(Reason.UNSUPPORTED, f"{other} is not decoded; convert it to flac, mp3, ogg, m4a or wav")
    for match in _STARTS.finditer(block, 0, MAX_JUNK_BYTES if search else 0):
        container = _start_at(block, match)
        if container is not None:
            return position + match.start(), container
    raise BadInput(Reason.NOT_AUDIO, "its first bytes belong to no audio format Soundkin reads, whatever its name says")


def _start_at(block: bytes, match: re.Match[bytes]) -> Container | None:
    if match[0][0] == 0xFF:
        return confirmed_frame(block, match.start())
    return Container.FLAC if match[0].startswith(b"fLaC") else Container.OGG


def _leading_tag_bytes(header: bytes) -> int:
    """Size of the ID3v2, APEv2 or TAG block that starts at ``header``, 0 if none does."""
    if header.startswith(b"ID3") and len(header) >= _ID3_HEADER_BYTES:
        return id3_bytes(header)
    if header.startswith(_APE) and len(header) >= _APE_FOOTER_BYTES and header[23] & _APE_IS_HEADER:
        return _APE_FOOTER_BYTES + int.from_bytes(header[12:16], "little")
    return _ID3V1_BYTES if header.startswith(b"TAG") else 0


def skip_leading_tags(file: BinaryIO, position: int) -> int:
    """Offset behind the tags that start at ``position``, which may lie beyond the end of ``file``."""
    for _ in range(_MAX_TAGS):
        tag = _leading_tag_bytes(_read_at(file, position, _APE_FOOTER_BYTES))
        if not tag:
            break
        position += tag
    return position


def _zeros(file: BinaryIO, position: int, at_most: int) -> int:
    """Number of zero bytes at ``position``, at most ``at_most``."""
    block = _read_at(file, position, at_most)
    return len(block) - len(block.lstrip(b"\0"))


def _box_before(file: BinaryIO, position: int) -> int:
    """``position``, or the start of an MP4 file whose box size, in big-endian order, starts with zeros."""
    start = max(0, position - 3)
    at = _read_at(file, start, 10).find(b"ftyp")
    return start + at - 4 if at >= 4 else position


def _find_end(file: BinaryIO, start: int, size: int) -> int:
    """Offset behind the last byte that belongs to no tag."""
    return min(_tags_behind(file, start, size), default=size)


def _tags_behind(file: BinaryIO, start: int, size: int) -> list[int]:
    """Offsets of the tags at the end of ``file``, the last one first."""
    offsets: list[int] = []
    end = size
    for _ in range(_MAX_TAGS):
        tag = _trailing_tag_bytes(file, start, end)
        if not 0 < tag <= end - start:
            break
        end -= tag
        offsets.append(end)
    return offsets


def _trailing_tag_bytes(file: BinaryIO, start: int, end: int) -> int:
    """Size of the ID3v1, TAG+, APEv2, Lyrics3 or ID3v2 tag that ends at ``end``, 0 if none does."""
    tail = _read_at(file, max(start, end - _TAIL_BYTES), min(_TAIL_BYTES, end - start))
    if tail[-_ID3V1_BYTES:].startswith(b"TAG"):
        return _ID3V1_BYTES
    if tail[-_ID3V1_EXTENDED_BYTES:].startswith(b"TAG+"):
        return _ID3V1_EXTENDED_BYTES
    footer = tail[-_APE_FOOTER_BYTES:]
    if footer.startswith(_APE):
        header_bytes = _APE_FOOTER_BYTES if footer[23] & _APE_HAS_HEADER else 0
        return int.from_bytes(footer[12:16], "little") + header_bytes
    if tail[-_ID3_HEADER_BYTES:].startswith(_ID3_FOOTER):
        return id3_bytes(tail[-_ID3_HEADER_BYTES:])
    return _lyrics_bytes(file, start, end, tail)


def _lyrics_bytes(file: BinaryIO, start: int, end: int, tail: bytes) -> int:
    """Size of the Lyrics3 tag that ends at ``end``: version 2 has it in six digits, version 1 is searched."""
    if tail.endswith(_LYRICS_2_END):
        digits = tail[-len(_LYRICS_2_END) - _LYRICS_SIZE_DIGITS : -len(_LYRICS_2_END)]
        return int(digits) + _LYRICS_SIZE_DIGITS + len(_LYRICS_2_END) if digits.isdigit() else 0
    if tail.endswith(_LYRICS_1_END):
        length = min(_LYRICS_1_BYTES + len(_LYRICS_START) + len(_LYRICS_1_END), end - start)
        at = _read_at(file, end - length, length).rfind(_LYRICS_START)
        return length - at if at >= 0 else 0
    return 0


def _read_at(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)
