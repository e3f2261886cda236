"""Bare AAC (ADTS) frames: telling them from other bytes that begin with twelve set bits, such as a flac frame."""

from __future__ import annotations

_HEADER_BYTES = 7
_RATES = 13
"""Indices of sample rates that exist (ISO/IEC 13818-7, table 35)."""


def looks_like_adts(header: bytes) -> bool:
    """Whether ``header`` (8 KiB or more, where the file has them) starts with an ADTS frame, followed by another."""
    length = _frame_bytes(header)
    return length > 0 and _frame_bytes(header[length:]) > 0


def _frame_bytes(header: bytes) -> int:
    """Length of the frame that starts here, 0 if none does."""
    if len(header) < _HEADER_BYTES or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    rate = header[2] >> 2 & 0xF
    return length if rate < _RATES and length >= _HEADER_BYTES else 0
