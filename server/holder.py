"""Holds the generation that answers, and swaps it for a newer one without a request noticing."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from recommender.errors import GenerationCorrupt, SoundkinError, Unavailable
from recommender.generation import VERSIONS, Manifest, Pointer, folder_name, open_current, read_current, read_manifest
from recommender.licences import require_use
from recommender.recommender import Recommender
from recommender.types import Profile

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
    """The current snapshot of ``home``, for the use ``profile``. Used from one event loop; a thread opens the files."""

    def __init__(self, home: Path, profile: Profile) -> None:
        self._home = home
        self._profile = profile
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
        generation = open_current(self._home)
        _require_use(generation.manifest, self._profile)
        return Recommender(generation)

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


def refuse_narrower(home: Path, use: Profile) -> None:
    """Refuse to start on a published generation that was built for less than ``use``. Raises LicenceRefused.

    One that cannot be read is left to the holder, which waits for a better one.
    """
    try:
        pointer = read_current(home)
        manifest = None if pointer is None else read_manifest(home / VERSIONS / folder_name(pointer.version))[0]
    except GenerationCorrupt:
        return
    if manifest is not None:
        _require_use(manifest, use)


def _require_use(manifest: Manifest, use: Profile) -> None:
    require_use(f"generation {folder_name(manifest.version)}", manifest.profile, use)
