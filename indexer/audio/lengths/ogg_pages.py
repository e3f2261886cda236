"""The pages of an Ogg file: the links of a chained one, and whether the file was cut off.

Layout of a page: RFC 3533, section 6.
"""

from __future__ import annotations

import os
from typing import BinaryIO

_CAPTURE = b"OggS"
_PAGE_HEADER_BYTES = 27
_FLAGS, _STARTS_STREAM = 5, 2
_SERIAL = slice(14, 18)
_SEGMENTS = 26
_MAX_PAGE_BYTES = _PAGE_HEADER_BYTES + 255 + 255 * 255
_BLOCK_BYTES = 4 << 20


def find_links(view: BinaryIO) -> list[tuple[int, int]]:
    """``(start, end)`` of the links of a chained Ogg file, one after another; a plain file is one link.

    A link starts with the first pages of all its streams: such a page behind a page of another sort starts the next
    link. Bytes between pages are skipped.
    """
    starts: list[int] = []
    in_header, position = False, 0
    block, block_start = _block(view, 0), 0
    while True:
        at = position - block_start
        if at + _MAX_PAGE_BYTES > len(block) and block_start + len(block) > position and at:
            block, block_start, at = _block(view, position), position, 0
        found = block.find(_CAPTURE, at)
        if found < 0 or found + _PAGE_HEADER_BYTES > len(block):
            break
        starts_stream = bool(block[found + _FLAGS] & _STARTS_STREAM)
        if starts_stream and not in_header:
            starts.append(block_start + found)
        in_header = starts_stream
        position = block_start + found + _page_bytes(block, found)
    end = view.seek(0, os.SEEK_END)
    starts = starts or [0]
    return list(zip(starts, [*starts[1:], end], strict=True))


def _block(view: BinaryIO, position: int) -> bytes:
    view.seek(position)
    return view.read(_BLOCK_BYTES)


def _page_bytes(block: bytes, at: int) -> int:
    lacing = block[at + _PAGE_HEADER_BYTES : at + _PAGE_HEADER_BYTES + block[at + _SEGMENTS]]
    return _PAGE_HEADER_BYTES + block[at + _SEGMENTS] + sum(lacing)


def is_cut_off(file: BinaryIO) -> bool:
    """Whether an ogg file ends inside a page.

    A cut exactly between two pages cannot be detected: ogg declares no length.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    serial = file.read(_PAGE_HEADER_BYTES)[_SERIAL]
    file.seek(max(0, end - 2 * _MAX_PAGE_BYTES))
    tail = file.read()
    # From the end backwards: "OggS" can also occur inside the data of a page, which then has another serial number.
    at = tail.rfind(_CAPTURE)
    while at >= 0:
        missing = _missing_bytes(tail[at:], serial)
        if missing is not None:
            return missing > 0
        at = tail.rfind(_CAPTURE, 0, at)
    return False


def _missing_bytes(page: bytes, serial: bytes) -> int | None:
    """Bytes of ``page`` that are after the end of the file; None when it is no page of the stream ``serial``."""
    if len(page) < _PAGE_HEADER_BYTES:
        return _PAGE_HEADER_BYTES - len(page)
    if page[4] != 0 or page[_SERIAL] != serial:
        return None
    lacing = page[_PAGE_HEADER_BYTES : _PAGE_HEADER_BYTES + page[_SEGMENTS]]
    length = _PAGE_HEADER_BYTES + page[_SEGMENTS] + sum(lacing)
    if length < len(page) and _CAPTURE.startswith(page[length:]):
        return 1  # the next page had just begun
    return max(0, length - len(page))
