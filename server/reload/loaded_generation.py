"""One generation in memory: gives each request a snapshot, and knows when no request uses it any more.

Weak references to the snapshots show which are in use. Counting calls at their start and end would not do: a call may
be cancelled while its search still runs in a thread, wait in that thread's queue, or end in an error whose traceback
still refers to the arrays. In each case the snapshot lives exactly as long as something can read from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakSet

from recommender.generation.lease import Lease
from recommender.generation.open_generation import Manifest, Pointer
from recommender.ranking.artists import Recommender


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Snapshot:
    """What one request reads from. Two snapshots are never equal: each belongs to one request."""

    recommender: Recommender
    degraded: bool = False
    """The newest generation could not be used, and this is an older one."""


class LoadedGeneration:
    """A loaded generation with its lease. Its caller lets no two threads use it at the same time."""

    def __init__(self, *, pointer: Pointer, recommender: Recommender, lease: Lease) -> None:
        self.pointer = pointer
        self._recommender: Recommender | None = recommender
        self._manifest = recommender.generation.manifest
        self._lease = lease
        self._snapshots: WeakSet[Snapshot] = WeakSet()

    @property
    def manifest(self) -> Manifest:
        """Manifest of the generation."""
        return self._manifest

    @property
    def in_use(self) -> bool:
        """A request still has a snapshot."""
        return len(self._snapshots) > 0

    def is_at(self, pointer: Pointer) -> bool:
        """Whether this is the generation that ``pointer`` names."""
        return (pointer.version, pointer.manifest_sha256) == (self.pointer.version, self.pointer.manifest_sha256)

    def snapshot(self, *, degraded: bool) -> Snapshot:
        """A snapshot for one request. Raises RuntimeError after :meth:`release`."""
        if self._recommender is None:
            raise RuntimeError(f"generation {self.pointer.version} was released")
        snapshot = Snapshot(recommender=self._recommender, degraded=degraded)
        self._snapshots.add(snapshot)
        return snapshot

    def release(self) -> None:
        """Free the generation's memory, and then its lease, so that the folder may be deleted only after that.

        Called when no request uses it, by a thread that no request waits for: unmapping a large generation takes long.
        """
        self._recommender = None
        self._lease.release()
