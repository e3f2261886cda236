"""Holds the generation that answers, and swaps it for a newer one without a request noticing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from recommender.errors import GenerationCorrupt, Unavailable
from recommender.generation.open_generation import VERSIONS, Pointer, folder_name, read_current, read_manifest
from recommender.types import Use
from server.metrics import Metrics, Reason
from server.reload.load_generation import load, older, require_use_of
from server.reload.loaded_generation import LoadedGeneration, Snapshot
from server.reload.rejected_generations import Rejection, Rejections, key_of

FIRST_LOAD_S = 5.0
"""How long a request waits for the first load, so that a server just started does not turn it away."""

_log = logging.getLogger(__name__)

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Holder:
    """The current generation of ``home``, for the use ``profile``.

    Used from one event loop. One thread of its own, the loader, reads what is published, opens it and lets go of it.
    A request asks for one :meth:`snapshot` and reads nothing else, so it sees one generation whatever is published
    meanwhile; the one it reads from is let go of only when no snapshot of it is left.
    """

    def __init__(self, home: Path, use: Use, metrics: Metrics) -> None:
        self._home = home
        self._profile = use
        self._metrics = metrics
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")
        self._serving: LoadedGeneration | None = None
        self._leaving: list[LoadedGeneration] = []
        self._rejections = Rejections()
        self._degraded = False
        self._problem = "the server is loading its first generation; ask again in a moment"
        self._tried = asyncio.Event()

    @property
    def ready(self) -> bool:
        """A generation is loaded."""
        return self._serving is not None

    @property
    def problem(self) -> str:
        """Why nothing is served, and what to do about it."""
        return self._problem

    async def snapshot(self) -> Snapshot:
        """What to answer one request from. Raises Unavailable when there is nothing."""
        if self._serving is None and not self._tried.is_set():
            await self._first_load()
        if self._serving is None:
            raise Unavailable(self._problem)
        return self._serving.snapshot(degraded=self._degraded)

    async def _first_load(self) -> None:
        try:
            await asyncio.wait_for(self._tried.wait(), FIRST_LOAD_S)
        except TimeoutError:
            return

    async def refresh(self) -> None:
        """Follow CURRENT: open what it points to, or keep what is open and say why in the log."""
        await self._let_go()
        await self._follow()
        self._report()
        self._tried.set()

    async def close(self) -> None:
        """Let go of everything; no request runs any more. A load that runs is waited for."""
        if self._serving is not None:
            self._leaving.append(self._serving)
            self._serving = None
        await self._in_loader(_end, self._leaving)
        self._loader.shutdown()

    async def _let_go(self) -> None:
        """End the tenancies that nobody answers from any more."""
        gone = [tenancy for tenancy in self._leaving if not tenancy.in_use]
        if gone:
            self._leaving = [tenancy for tenancy in self._leaving if tenancy not in gone]
            await self._in_loader(_end, gone)

    async def _follow(self) -> None:
        try:
            pointer = await self._in_loader(read_current, self._home)
        except GenerationCorrupt as error:
            await self._refuse_pointer(str(error))
            return
        if pointer is None:
            self._nothing_published()
        elif self._serving is not None and self._serving.answers(pointer):
            self._degraded = False
        elif self._rejections.due(key_of(pointer)):
            await self._open(pointer)
        else:
            self._degraded = self.ready

    async def _refuse_pointer(self, why: str) -> None:
        if self._rejections.due(why):
            self._reject(Rejection(key=why, reason=Reason.UNREADABLE, why=why))
            await self._fall_back(None)
        else:
            self._degraded = self.ready

    def _nothing_published(self) -> None:
        problem = f"nothing is published in {self._home}; run soundkin scan, embed, build and publish"
        if problem != self._problem:
            _log.warning("%s", problem)
        self._problem, self._degraded = problem, self.ready

    async def _open(self, pointer: Pointer) -> None:
        rejection = await self._take_over(pointer, degraded=False)
        if rejection is None:
            return
        if not await self._in_loader(_still_points_to, self._home, pointer):
            await self._follow()  # at once: a server that starts must not end because it looked a moment too early
            return
        self._reject(rejection)
        await self._fall_back(pointer.version)

    async def _fall_back(self, below: int | None) -> None:
        """At the start, when CURRENT is of no use: the newest version ``below`` it that verifies, marked degraded."""
        if self._serving is not None:
            return
        for pointer in await self._in_loader(older, self._home, below):
            if not self._rejections.due(key_of(pointer)):
                continue
            rejection = await self._take_over(pointer, degraded=True)
            if rejection is None:
                return
            self._count(rejection)

    async def _take_over(self, pointer: Pointer, *, degraded: bool) -> Rejection | None:
        """Load what ``pointer`` names and answer from it; or, when it may not answer, why."""
        loaded = await self._in_loader(load, self._home, pointer, use=self._profile, observe=self._metrics.phase_ended)
        if isinstance(loaded, Rejection):
            return loaded
        if self._serving is not None:
            self._leaving.append(self._serving)
        self._serving, self._degraded, self._problem = loaded, degraded, ""
        self._rejections.forget(key_of(pointer))
        self._metrics.swapped(loaded.manifest)
        _log.info("serving generation %s from %s", _label(loaded), self._home)
        return None

    def _reject(self, rejection: Rejection) -> None:
        """What CURRENT points to may not answer."""
        self._count(rejection)
        self._problem, self._degraded = f"no generation can be served: {rejection.why}", self.ready

    def _count(self, rejection: Rejection) -> None:
        """Once a generation, however often it is tried again."""
        if not self._rejections.add(rejection.key):
            return
        self._metrics.rejected(rejection.reason)
        kept = "" if self._serving is None else f"; generation {_label(self._serving)} goes on answering"
        _log.error("rejected (%s): %s%s", rejection.reason, rejection.why, kept)

    def _report(self) -> None:
        self._metrics.holding(len(self._leaving) + self.ready, degraded=self._degraded)

    async def _in_loader(self, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        submitted = self._loader.submit(work, *args, **kwargs)
        return await asyncio.wrap_future(submitted)


def _still_points_to(home: Path, pointer: Pointer) -> bool:
    """CURRENT was not changed while its generation was loaded: one that was left behind may have been collected."""
    try:
        return read_current(home) == pointer
    except GenerationCorrupt:
        return False


def _end(tenancies: list[LoadedGeneration]) -> None:
    for tenancy in tenancies:
        tenancy.end()


def _label(tenancy: LoadedGeneration) -> str:
    return folder_name(tenancy.pointer.version)


def refuse_narrower(home: Path, use: Use) -> None:
    """Refuse to start on a published generation that was built for less than ``use``. Raises LicenceRefused.

    One that cannot be read is left to the holder, which falls back to an older one.
    """
    try:
        pointer = read_current(home)
        manifest = None if pointer is None else read_manifest(home / VERSIONS / folder_name(pointer.version))[0]
    except GenerationCorrupt:
        return
    if manifest is not None:
        require_use_of(manifest, use)
