"""Which clips make which track, and which tracks which artist, by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from indexer.building.catalogue import CatalogueRows
from recommender.types import Rows

ClipsByTrack: TypeAlias = Mapping[str, tuple[str, ...]]
"""Track id -> ids of its embedded clips, sorted; only tracks that have any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The embedded tracks and artists, in row order of their indexes."""

    track_ids: tuple[str, ...]
    """``[embedded track]``"""
    track_clips: tuple[tuple[str, ...], ...]
    """``[embedded track]`` ids of its clips, sorted."""
    track_artist: Rows
    """``[embedded track]`` row among the embedded artists."""
    artist_ids: tuple[str, ...]
    """``[embedded artist]``"""

    @property
    def artists(self) -> int:
        """Number of embedded artists."""
        return len(self.artist_ids)

    @property
    def clips(self) -> int:
        """Number of embedded clips."""
        return sum(map(len, self.track_clips))


def group(data: CatalogueRows, artists: Mapping[str, int], *, clips: ClipsByTrack) -> Grouping:
    """Group the embedded clips of ``data``. ``artists`` is id -> row of every artist."""
    tracks = [track for track in data.tracks if track.id in clips]
    heard, of_track = np.unique(int64(artists[track.artist_id] for track in tracks), return_inverse=True)
    return Grouping(
        track_ids=tuple(track.id for track in tracks),
        track_clips=tuple(clips[track.id] for track in tracks),
        track_artist=of_track.astype(np.int64),
        artist_ids=tuple(data.artists[row].id for row in heard.tolist()),
    )


def clips_by_track(data: CatalogueRows) -> ClipsByTrack:
    """Which tracks are embedded, and their clips."""
    found: dict[str, tuple[str, ...]] = {}
    for clip in data.clips:  # in the order of their ids
        found[clip.track_id] = (*found.get(clip.track_id, ()), clip.clip_id)
    return found


def int64(values: Iterator[int]) -> Rows:
    """Rows from numbers."""
    return np.fromiter(values, dtype=np.int64)
