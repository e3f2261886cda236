"""Whether a message is too large, told from its bytes: audio may be large, and everything beside it may not.

A message is weighed before it is read. Read, a message of 16 MiB of empty entries would be 400 MB of objects.
"""

from __future__ import annotations

from collections.abc import Iterator

from pb import soundkin_pb2 as pb
from server.limits import MAX_CLIP_BYTES, MAX_MESSAGE_BYTES

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}

AUDIO_FIELDS: dict[str, int] = {
    f"/{service.full_name}/{method.name}": method.input_type.fields_by_name["clip"].number
    for service in pb.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if "clip" in method.input_type.fields_by_name
}
"""Path of a method that takes audio -> number of the field in which its request has it."""


def objection(raw: bytes, audio: int | None) -> str | None:
    """Why ``raw``, the bytes of a request, are too many; None when they are not.

    Args:
        raw: not yet known to be a message.
        audio: number of the field that may have :data:`MAX_CLIP_BYTES` more than a message else; None without one.
    """
    most = MAX_MESSAGE_BYTES if audio is None else MAX_MESSAGE_BYTES + MAX_CLIP_BYTES
    if len(raw) > most:
        return f"the request has {len(raw)} bytes, at most {most} are read; ask for less at once"
    if audio is not None and len(raw) > MAX_MESSAGE_BYTES and _beside(raw, audio) > MAX_MESSAGE_BYTES:
        return f"the request has more than {MAX_MESSAGE_BYTES} bytes beside its audio; ask for less at once"
    return None


def _beside(raw: bytes, audio: int) -> int:
    """Bytes of ``raw`` that are not in the field ``audio``; no more are counted than it takes to refuse them."""
    beside = start = 0
    for field, stop in _fields(raw):
        if field != audio:
            beside += stop - start
        if beside > MAX_MESSAGE_BYTES:
            break
        start = stop
    return beside


def _fields(raw: bytes) -> Iterator[tuple[int, int]]:
    """(number, where it ends) of each field at the top; what cannot be read is one field 0 to the end."""
    place = 0
    while place < len(raw):
        try:
            tag, place = _varint(raw, place)
            place = _end(raw, place, tag & 7)
        except LookupError:
            yield 0, len(raw)
            return
        yield tag >> 3, min(place, len(raw))


def _end(raw: bytes, place: int, kind: int) -> int:
    """Where the value at ``place`` ends. Raises LookupError for what is none."""
    if kind == _VARINT:
        return _varint(raw, place)[1]
    if kind == _LENGTH:
        length, place = _varint(raw, place)
        return place + length
    return place + _SIZES[kind]


def _varint(raw: bytes, place: int) -> tuple[int, int]:
    """The number at ``place``, and where it ends. Raises IndexError when it does not end, within ten bytes or at all.

    >>> _varint(bytes([0xAC, 0x02]), 0)
    (300, 2)
    """
    number = 0
    for shift in range(0, 70, 7):
        byte = raw[place]
        number, place = number | (byte & 0x7F) << shift, place + 1
        if byte < 0x80:
            return number, place
    raise IndexError("a number has ten bytes at most")
