"""How much one request may contain. Checked before anything is looked up, so that a small message is little work.

``server/rpc/requests.py`` says which field has which limit.
"""

from __future__ import annotations

from collections.abc import Iterator

from pb import soundkin_pb2 as pb

MAX_SEEDS = 100
"""Seeds, and negative seeds."""
MAX_SEED_TRACKS = 32
"""Tracks to make a playlist from: each is compared with every track."""
MAX_REFS = 1000
"""References to resolve, candidates, and artists to leave out."""
MAX_BATCHED = 100
"""Requests of one batch."""
MAX_USERS = 1000
"""Users of one batch that orders a line-up for each."""
MAX_PAIRS = 1_000_000
"""Seeds of all users of such a batch times acts: about 1 s of work."""
MAX_LINES = 10_000
"""Artists in all rankings and groups of such a batch: about 3 MB."""
MAX_EXPLAINED = 1000
"""Artists with an explanation in such a batch."""
MAX_REPLY_BYTES = 3_000_000
"""Bytes of the rankings of such a batch. Clients read 4 MiB at most, unless told otherwise; users without room take
less than 1 MB."""
MAX_KEY = 200
"""Characters of a caller's own key."""
MAX_GROUPS = 10
"""Groups of one act."""
MAX_GROUP_NAMES = 100
"""Different groups of a line-up; characters of the name of one; and artists shown of one."""
MAX_CLIPS = 32
"""Clips of one request."""
MAX_CLIP_BYTES = 16 << 20
"""Bytes of one clip: 30 s of stereo take 0.5 to 1.5 MB as mp3 or m4a, 5.3 MB as 16-bit wav at 44.1 kHz."""
MAX_AUDIO_BYTES = 64 << 20
"""Bytes of all clips of one request; what the encoder takes at once."""
MAX_CLIP_NAME = 200
"""Characters of a clip's name that are kept."""
MAX_MESSAGE_BYTES = 1 << 20
"""Bytes of a request without audio."""
MAX_GENRES = 100
"""Genres in one list of a filter."""
MAX_MIXED = 100
"""Layers or aspects of one mix."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}

AUDIO_FIELDS: dict[str, int] = {
    f"/{service.full_name}/{method.name}": method.input_type.fields_by_name["clip"].number
    for service in pb.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if "clip" in method.input_type.fields_by_name
}
"""Path of a method that takes audio -> number of the audio field in its request."""


def size_problem(raw: bytes, audio: int | None) -> str | None:
    """Why the request ``raw`` is too large; None when it is not.

    Args:
        raw: bytes of the request, which may not be a valid message.
        audio: number of the audio field, which may have :data:`MAX_CLIP_BYTES` more; None without one.
    """
    limit = MAX_MESSAGE_BYTES if audio is None else MAX_MESSAGE_BYTES + MAX_CLIP_BYTES
    if len(raw) > limit:
        return f"the request has {len(raw)} bytes, at most {limit} are read; ask for less at once"
    if audio is not None and len(raw) > MAX_MESSAGE_BYTES and _bytes_beside(raw, audio) > MAX_MESSAGE_BYTES:
        return f"the request has more than {MAX_MESSAGE_BYTES} bytes beside its audio; ask for less at once"
    return None


def _bytes_beside(raw: bytes, audio: int) -> int:
    """Bytes of ``raw`` outside the field ``audio``. Counting stops when they are too many."""
    beside = start = 0
    for field, stop in _fields(raw):
        if field != audio:
            beside += stop - start
        if beside > MAX_MESSAGE_BYTES:
            break
        start = stop
    return beside


def _fields(raw: bytes) -> Iterator[tuple[int, int]]:
    """(number, end) of each top-level field. Bytes that cannot be read count as a field 0 up to the end."""
    position = 0
    while position < len(raw):
        try:
            tag, position = _varint(raw, position)
            position = _end(raw, position, tag & 7)
        except LookupError:
            yield 0, len(raw)
            return
        yield tag >> 3, min(position, len(raw))


def _end(raw: bytes, position: int, kind: int) -> int:
    """Position after the value at ``position``. Raises LookupError when there is no value."""
    if kind == _VARINT:
        return _varint(raw, position)[1]
    if kind == _LENGTH:
        length, position = _varint(raw, position)
        return position + length
    return position + _SIZES[kind]


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    """The varint at ``position`` and the position after it. Raises IndexError when it does not end within ten bytes.

    >>> _varint(bytes([0xAC, 0x02]), 0)
    (300, 2)
    """
    number = 0
    for shift in range(0, 70, 7):
        byte = raw[position]
        number, position = number | (byte & 0x7F) << shift, position + 1
        if byte < 0x80:
            return number, position
    raise IndexError("a number has ten bytes at most")
