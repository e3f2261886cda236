"""A part of an open file, from an offset to the end, from which only so many bytes can be read."""

from __future__ import annotations

import errno
import io
from typing import BinaryIO

MAX_TAG_BYTES = 64 << 20
"""Bytes that a reader of tags may read of one file: many times the largest cover that is found in music."""


class BoundedView(io.RawIOBase):
    """Reads ``file`` from offset ``start`` on, which is position 0 here; seeks within it.

    Raises OSError once more than :data:`MAX_TAG_BYTES` are read in all, so that a size in a hostile header costs no
    more than that.
    """

    def __init__(self, file: BinaryIO, start: int = 0) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._left = MAX_TAG_BYTES
        self._position = 0
        self._size = max(0, file.seek(0, io.SEEK_END) - start)

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """Bytes from the start of the view."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to ``offset``; a position before the start raises OSError, as for a real file."""
        position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if position < 0:
            raise OSError(errno.EINVAL, "a position before the start of the file")
        self._position = position
        return position

    def read(self, size: int | None = -1) -> bytes:
        """At most ``size`` bytes; all that follow when it is negative or None."""
        rest = max(0, self._size - self._position)
        wanted = rest if size is None or size < 0 else min(size, rest)
        if wanted > self._left:
            raise OSError(f"more than {MAX_TAG_BYTES} bytes of tags")
        self._file.seek(self._start + self._position)
        data = self._file.read(wanted)
        self._left -= len(data)
        self._position += len(data)
        return data
