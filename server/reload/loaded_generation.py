"""One open generation for as long as anything answers from it: it hands out snapshots and knows when the last is gone.

Who still answers is told by weak references to the snapshots handed out, and not by counting calls in and out: a call
may be cancelled while its search goes on in a thread, wait in that thread's queue, or end in an error that still holds
its frames. In each of these the snapshot lives exactly as long as somebody can read from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakSet

from recommender.generation.lease import Lease
from recommender.generation.open_generation import Manifest, Pointer
from recommender.ranking.artists import Recommender


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Snapshot:
    """What one request answers from, from its first line to its last. Two are never equal: each is one reader."""

    recommender: Recommender
    degraded: bool = False
    """The newest generation could not be used; this is an older one."""


class LoadedGeneration:
    """A loaded generation with its lease. Used from one thread, but for :meth:`end`."""

    def __init__(self, *, pointer: Pointer, recommender: Recommender, lease: Lease) -> None:
        self.pointer = pointer
        self._recommender: Recommender | None = recommender
        self._manifest = recommender.generation.manifest
        self._lease = lease
        self._snapshots: WeakSet[Snapshot] = WeakSet()

    @property
    def manifest(self) -> Manifest:
        """What is answered from."""
        return self._manifest

    @property
    def in_use(self) -> bool:
        """Somebody holds a snapshot."""
        return len(self._snapshots) > 0

    def answers(self, pointer: Pointer) -> bool:
        """It is the generation that ``pointer`` names."""
        return (pointer.version, pointer.manifest_sha256) == (self.pointer.version, self.pointer.manifest_sha256)

    def snapshot(self, *, degraded: bool) -> Snapshot:
        """A snapshot for one request. Raises RuntimeError after :meth:`end`."""
        if self._recommender is None:
            raise RuntimeError(f"the tenancy of version {self.pointer.version} has ended")
        given = Snapshot(recommender=self._recommender, degraded=degraded)
        self._snapshots.add(given)
        return given

    def end(self) -> None:
        """Let go of the generation and then of its lease.

        Called in the loader's thread once nothing is in use: unmapping a large generation takes its time, and the
        event loop must not wait for it. Before the memory is gone the folder stays leased.
        """
        self._recommender = None
        self._lease.release()
