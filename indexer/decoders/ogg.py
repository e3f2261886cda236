"""Whether an ogg file was cut off: its last page says how long it is, and the file may hold less of it."""

from __future__ import annotations

import os
from typing import BinaryIO

_CAPTURE = b"OggS"
_HEADER_BYTES = 27
_SERIAL = slice(14, 18)
_SEGMENTS = 26
_MAX_PAGE_BYTES = _HEADER_BYTES + 255 + 255 * 255


def is_cut_off(file: BinaryIO) -> bool:
    """The file ends inside a page. A cut exactly between two pages cannot be seen, for ogg promises no length.

    Decoders quietly leave the last, broken page out. Layout: RFC 3533, section 6.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    serial = file.read(_HEADER_BYTES)[_SERIAL]
    file.seek(max(0, end - 2 * _MAX_PAGE_BYTES))
    tail = file.read()
    at = tail.rfind(_CAPTURE)
    while at >= 0:
        missing = _missing_bytes(tail[at:], serial)
        if missing is not None:
            return missing > 0
        at = tail.rfind(_CAPTURE, 0, at)
    return False


def _missing_bytes(page: bytes, serial: bytes) -> int | None:
    """How much of ``page`` lies beyond the end; None when it is no page of the stream ``serial``."""
    if len(page) < _HEADER_BYTES:
        return _HEADER_BYTES - len(page)
    if page[4] != 0 or page[_SERIAL] != serial:
        return None
    lacing = page[_HEADER_BYTES : _HEADER_BYTES + page[_SEGMENTS]]
    length = _HEADER_BYTES + page[_SEGMENTS] + sum(lacing)
    if length < len(page) and _CAPTURE.startswith(page[length:]):
        return 1  # the next page had just begun
    return max(0, length - len(page))
