"""Holds the generation that answers, and swaps it for a newer one without a request noticing."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from recommender.errors import SoundkinError, Unavailable
from recommender.generation import Pointer, open_current, read_current
from recommender.recommender import Recommender

RETRY_S = 30.0
"""How long a generation that could not be opened is left alone, unless another is published."""

FIRST_LOAD_S = 5.0
"""How long a request waits for the first load, so that a server just started does not turn it away."""

_UNUSABLE = (SoundkinError, OSError, ValueError, KeyError, RuntimeError, MemoryError)
"""What opening files that another program wrote may raise: ours, the system's, numpy's, FAISS's."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one request answers from, from its first line to its last."""

    recommender: Recommender
    degraded: bool = False
    """The newest generation could not be used; this is an older one."""


class Holder:
    """The current snapshot of ``home``. Used from one event loop; files are opened in a worker thread."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._snapshot: Snapshot | None = None
        self._serving: Pointer | None = None
        self._refused: Pointer | None = None
        self._retry_at = 0.0
        self._problem = "the server is loading its first generation; ask again in a moment"
        self._tried = asyncio.Event()

    @property
    def ready(self) -> bool:
        """A generation is loaded."""
        return self._snapshot is not None

    async def snapshot(self) -> Snapshot:
        """The generation to answer from. Raises Unavailable when there is none."""
        if self._snapshot is None and not self._tried.is_set():
            await self._first_load()
        if self._snapshot is None:
            raise Unavailable(self._problem)
        return self._snapshot

    async def _first_load(self) -> None:
        try:
            await asyncio.wait_for(self._tried.wait(), FIRST_LOAD_S)
        except TimeoutError:
            return

    async def refresh(self) -> None:
        """Follow CURRENT: open what it points to, or keep what is open and say why in the log."""
        try:
            await self._follow()
        except _UNUSABLE as error:
            self._refuse(error)
        self._tried.set()

    async def _follow(self) -> None:
        pointer = await asyncio.to_thread(read_current, self._home)
        if pointer is not None and pointer == self._serving:
            self._settle(pointer)
            return
        if pointer is not None and pointer == self._refused and time.monotonic() < self._retry_at:
            return
        self._refused, self._retry_at = pointer, time.monotonic() + RETRY_S
        recommender = await asyncio.to_thread(self._open)
        self._snapshot = Snapshot(recommender=recommender)
        _log.info("serving generation %s from %s", recommender.generation.label, self._home)
        self._settle(pointer)

    def _open(self) -> Recommender:
        return Recommender(open_current(self._home))

    def _settle(self, pointer: Pointer | None) -> None:
        self._serving, self._refused, self._problem = pointer, None, ""
        if self._snapshot is not None and self._snapshot.degraded:
            self._snapshot = replace(self._snapshot, degraded=False)

    def _refuse(self, error: BaseException) -> None:
        problem = str(error) if isinstance(error, SoundkinError) else f"the generation cannot be opened: {error!r}"
        if problem != self._problem:
            _log.error("%s", problem)
        self._problem = problem
        if self._snapshot is not None and not self._snapshot.degraded:
            self._snapshot = replace(self._snapshot, degraded=True)
            _log.error("generation %s goes on answering", self._snapshot.recommender.generation.label)
