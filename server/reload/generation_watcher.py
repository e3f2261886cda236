"""Watches CURRENT for a newer generation, loads it, and serves it in place of the old one without a failed request."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from recommender.errors import GenerationCorrupt, Unavailable
from recommender.generation.open_generation import (
    VERSIONS,
    Pointer,
    folder_name,
    inspect_current,
    read_current,
    read_manifest,
)
from recommender.types import Use
from server.metrics import Metrics, Reason
from server.reload.load_generation import (
    RejectedGenerations,
    Rejection,
    key_of,
    load,
    older_generations,
    require_use_of,
)
from server.reload.loaded_generation import LoadedGeneration, Snapshot

POLL_S = 1.0
"""How often the server looks for a newer generation, in seconds."""

FIRST_LOAD_S = 5.0
"""Seconds a request waits for the first generation, so that a server that just started does not refuse it."""

_log = logging.getLogger(__name__)


class GenerationWatcher:
    """The served generation of ``home``, for ``use``. Call :meth:`refresh` every :data:`POLL_S` to follow CURRENT.

    One thread calls :meth:`refresh` and :meth:`close`, which load and release generations; :meth:`snapshot` and the
    properties are for any thread. A request takes one snapshot and reads only from it, so it sees one generation
    whatever is published meanwhile. A generation is released when none of its snapshots is in use.
    """

    def __init__(self, home: Path, use: Use, metrics: Metrics, *, show_paths: bool = False) -> None:
        self._home = home
        self._use = use
        self._show_paths = show_paths
        self._metrics = metrics
        self._lock = threading.Lock()
        """Between :meth:`snapshot` and the exchange or release of what is served."""
        self._serving: LoadedGeneration | None = None
        self._replaced: list[LoadedGeneration] = []
        self._rejections = RejectedGenerations()
        self._degraded = False
        self._problem = "the server is loading its first generation; ask again in a moment"
        self._tried = threading.Event()

    @property
    def ready(self) -> bool:
        """A generation is loaded."""
        return self._serving is not None

    @property
    def problem(self) -> str:
        """Why nothing is served, and what to do about it."""
        return self._problem

    def snapshot(self) -> Snapshot:
        """The snapshot for one request. Raises Unavailable when no generation is loaded."""
        if self._serving is None:
            self._tried.wait(FIRST_LOAD_S)
        with self._lock:
            if self._serving is None:
                raise Unavailable(self._problem)
            return self._serving.snapshot(degraded=self._degraded)

    def refresh(self) -> None:
        """Load the generation that CURRENT names if it is new. If it cannot be served, keep the old one and log why."""
        self._release_unused()
        self._follow()
        self._report()
        self._tried.set()

    def close(self) -> None:
        """Release all generations, when no request runs any more."""
        with self._lock:
            if self._serving is not None:
                self._replaced.append(self._serving)
                self._serving = None
        _release(self._replaced)

    def _release_unused(self) -> None:
        """Release the replaced generations that no request uses any more."""
        with self._lock:
            unused = [generation for generation in self._replaced if not generation.in_use]
        self._replaced = [generation for generation in self._replaced if generation not in unused]
        _release(unused)

    def _follow(self) -> None:
        try:
            pointer = read_current(self._home)
        except GenerationCorrupt as error:
            self._refuse_pointer(str(error))
            return
        if pointer is None:
            self._nothing_published()
        elif self._serving is not None and self._serving.is_at(pointer):
            self._degraded = False
        elif self._rejections.due(key_of(pointer)):
            self._load_current(pointer)
        else:
            self._degraded = self.ready

    def _refuse_pointer(self, why: str) -> None:
        if self._rejections.due(why):
            self._reject(Rejection(key=why, reason=Reason.UNREADABLE, why=why))
            self._fall_back(None)
        else:
            self._degraded = self.ready

    def _nothing_published(self) -> None:
        problem = f"nothing is published in {self._home}; run soundkin scan, embed, build and publish"
        if problem != self._problem:
            _log.warning("%s", problem)
        self._problem, self._degraded = problem, self.ready

    def _load_current(self, pointer: Pointer) -> None:
        rejection = self._load_and_serve(pointer, degraded=False)
        if rejection is None:
            return
        if not _still_points_to(self._home, pointer):
            # CURRENT changed during the load, so the generation may have been deleted. Look again at once: a server
            # that is starting must not end because of that.
            self._follow()
            return
        self._reject(rejection)
        self._fall_back(pointer.version)

    def _fall_back(self, below: int | None) -> None:
        """At the start, when CURRENT cannot be served: load the newest usable version under ``below`` as degraded."""
        if self._serving is not None:
            return
        for pointer in older_generations(self._home, below):
            if not self._rejections.due(key_of(pointer)):
                continue
            rejection = self._load_and_serve(pointer, degraded=True)
            if rejection is None:
                return
            self._count(rejection)

    def _load_and_serve(self, pointer: Pointer, *, degraded: bool) -> Rejection | None:
        """Load the generation that ``pointer`` names and serve it. Returns the Rejection when it cannot be served."""
        observe, show_paths = self._metrics.phase_ended, self._show_paths
        loaded = load(self._home, pointer, use=self._use, observe=observe, show_paths=show_paths)
        if isinstance(loaded, Rejection):
            return loaded
        with self._lock:
            if self._serving is not None:
                self._replaced.append(self._serving)
            self._serving, self._degraded, self._problem = loaded, degraded, ""
        self._rejections.forget(key_of(pointer))
        self._metrics.swapped(loaded.manifest)
        _log.info("serving generation %s from %s", _label(loaded), self._home)
        return None

    def _reject(self, rejection: Rejection) -> None:
        """Record that the generation in CURRENT cannot be served."""
        self._count(rejection)
        self._problem, self._degraded = f"no generation can be served: {rejection.why}", self.ready

    def _count(self, rejection: Rejection) -> None:
        """Log and count a rejection, once for each generation however often it is tried again."""
        if not self._rejections.add(rejection.key):
            return
        self._metrics.rejected(rejection.reason)
        still_served = "" if self._serving is None else f"; generation {_label(self._serving)} is still served"
        _log.error("rejected (%s): %s%s", rejection.reason, rejection.why, still_served)

    def _report(self) -> None:
        self._metrics.set_loaded(len(self._replaced) + self.ready, degraded=self._degraded)


def _still_points_to(home: Path, pointer: Pointer) -> bool:
    """Whether CURRENT is unchanged. A generation that it no longer names may have been deleted during its load."""
    return inspect_current(home).pointer == pointer


def _release(generations: list[LoadedGeneration]) -> None:
    for generation in generations:
        generation.release()


def _label(generation: LoadedGeneration) -> str:
    return folder_name(generation.pointer.version)


def refuse_narrower_use(home: Path, use: Use) -> None:
    """Refuse to start when the published generation was built for a narrower use than ``use``. Raises LicenceRefused.

    A generation that cannot be read is not refused here: the watcher falls back to an older one.
    """
    try:
        pointer = read_current(home)
        manifest = None if pointer is None else read_manifest(home / VERSIONS / folder_name(pointer.version))[0]
    except GenerationCorrupt:
        return
    if manifest is not None:
        require_use_of(manifest, use)
