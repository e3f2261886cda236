"""Which clips make which track, and which tracks which artist, by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from indexer.building.catalogue import CatalogueRows
from recommender.types import Rows


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


def group(data: CatalogueRows, artists: Mapping[str, int]) -> Grouping:
    """Group the embedded clips of ``data``. ``artists`` is id -> row of every artist."""
    clips = clips_by_track(data)
    tracks = [track for track in data.tracks if track.id in clips]
    heard = sorted({artists[track.artist_id] for track in tracks})
    artist_row = {artist: row for row, artist in enumerate(heard)}
    return Grouping(
        track_ids=tuple(track.id for track in tracks),
        track_clips=tuple(tuple(clips[track.id]) for track in tracks),
        track_artist=int64(artist_row[artists[track.artist_id]] for track in tracks),
        artist_ids=tuple(data.artists[row].id for row in heard),
    )


def clips_by_track(data: CatalogueRows) -> dict[str, list[str]]:
    """Track id -> ids of its embedded clips, sorted; only tracks that have any."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for clip in data.clips:
        found[clip.track_id].append(clip.clip_id)
    return {track: sorted(clips) for track, clips in found.items()}


def int64(values: Iterator[int]) -> Rows:
    """Rows from numbers."""
    return np.fromiter(values, dtype=np.int64)
