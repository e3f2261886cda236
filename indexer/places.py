"""Where each clip lies among the shards of a store: sorted keys instead of a dictionary.

A million clips take 24 bytes each and are found in a third of a second, in whatever order they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.shard import KEY, Shard, keys_of
from recommender.errors import NotFound
from recommender.types import Rows

Keys = npt.NDArray[np.bytes_]
"""``[clip]`` of 16 bytes. numpy drops trailing zeros when it shows one, never when it compares two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Every clip of some shards, by key."""

    keys: Keys
    """Sorted; of a clip in two shards, the later is the last."""
    shard: npt.NDArray[np.int32]
    """``[key]`` number of the shard."""
    row: npt.NDArray[np.int32]
    """``[key]`` row in that shard."""

    @classmethod
    def of(cls, shards: Sequence[Shard]) -> Places:
        """The places in ``shards``, numbered as they come."""
        keys = _keys(b"".join(shard.keys for shard in shards))
        sizes = [shard.clips for shard in shards]
        order = np.argsort(keys, kind="stable")
        numbers = np.repeat(np.arange(len(shards), dtype=np.int32), sizes)
        rows = np.concatenate([np.arange(size, dtype=np.int32) for size in (0, *sizes)])
        return cls(keys=keys[order], shard=numbers[order], row=rows[order])

    @property
    def clip_ids(self) -> frozenset[str]:
        text, width = self.keys.tobytes().hex(), 2 * KEY
        return frozenset(text[at : at + width] for at in range(0, len(text), width))

    def find(self, clip_ids: Sequence[str]) -> tuple[Rows, Rows]:
        """Shard number and row of each of ``clip_ids``, both ``[clip]``. Raises NotFound for the first absent."""
        wanted = _keys(keys_of(clip_ids))
        at = np.searchsorted(self.keys, wanted, side="right") - 1
        absent = np.flatnonzero((at < 0) | (self.keys[at] != wanted)) if len(self.keys) else np.arange(len(wanted))
        if absent.size:
            raise NotFound("embedding of clip", clip_ids[absent[0]], "run soundkin embed")
        return self.shard[at].astype(np.int64), self.row[at].astype(np.int64)


def _keys(raw: bytes) -> Keys:
    return np.frombuffer(raw, dtype=f"S{KEY}")
