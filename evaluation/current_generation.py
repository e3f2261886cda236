"""Opens the generation that a home has published, for the commands that measure it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from recommender.generation.lease import Lease
from recommender.generation.open_generation import (
    VERSIONS,
    Generation,
    folder_name,
    open_current,
    read_current,
)


@contextmanager
def open_published(home: Path) -> Iterator[Generation]:
    """Open the published generation of ``home``; it is not collected while it is open."""
    pointer = read_current(home)
    folder = home / VERSIONS / folder_name(pointer.version) if pointer else None
    with Lease.take(folder) if folder else nullcontext():
        yield open_current(home)
