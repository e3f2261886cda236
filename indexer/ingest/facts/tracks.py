"""Groups recordings into tracks: one for each artist, title and album, with the id that it had before."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.ingest.credits import commonest_spelling
from indexer.ingest.facts.claims import FileClaim
from recommender.catalog.facts_of_files import DerivedTrack
from recommender.names import fold, fold_release

TrackKey = tuple[str, str, str]
"""(artist id, folded title, folded album)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A claim that counts, with its artists matched."""

    claim: FileClaim
    artists: tuple[tuple[str, bool], ...]
    """(artist id, featured), the artist of the track first; no artist twice."""
    is_copy: bool
    """Whether its clip is read from another file, and stands for the track of that one."""

    @property
    def key(self) -> TrackKey:
        """The track that it belongs to. Without an album it is one with other recordings of the title without one."""
        album = fold_release(self.claim.album) if self.claim.album else ""
        return self.artists[0][0], fold(self.claim.title), album


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTracks:
    """The tracks of the catalog before the derivation."""

    keys: Mapping[str, TrackKey]
    track_of: Mapping[str, str | None]
    """Clip id -> track id."""
    reserved: frozenset[str]
    """Tracks that also have clips whose files have not been read: they keep their artists and titles."""


def group_tracks(
    recordings: Sequence[Recording], stored: StoredTracks
) -> tuple[list[DerivedTrack], dict[str, tuple[str, str]]]:
    """The tracks, and (track id -> clip id, path) of those that have no clip of their own."""
    groups: defaultdict[TrackKey, list[Recording]] = defaultdict(list)
    for recording in recordings:
        groups[recording.key].append(recording)
    ids = _track_ids(groups, stored)
    tracks = [_track(ids[key], key, group) for key, group in sorted(groups.items())]
    first = {ids[key]: group[0].claim for key, group in groups.items()}
    copies = {track.id: (first[track.id].clip_id, first[track.id].path) for track in tracks if not track.clips}
    return tracks, copies


def _track_ids(groups: Mapping[TrackKey, Sequence[Recording]], stored: StoredTracks) -> dict[TrackKey, str]:
    """An id for each track: that of the track with the same key, else of the one its clips were in, else a new one."""
    by_key = {key: identifier for identifier, key in stored.keys.items()}
    ids = {key: by_key[key] for key in groups if key in by_key}
    taken = set(ids.values())
    for key, group in sorted(groups.items()):
        if key in ids:
            continue
        before = Counter(stored.track_of.get(one.claim.clip_id) for one in group if not one.is_copy)
        candidates = sorted(
            (-count, track)
            for track, count in before.items()
            if track and track not in taken and (track not in stored.reserved or stored.keys[track][:2] == key[:2])
        )
        ids[key] = candidates[0][1] if candidates else uuid.uuid4().hex
        taken.add(ids[key])
    return ids


def _track(identifier: str, key: TrackKey, group: Sequence[Recording]) -> DerivedTrack:
    """A track of the recordings in ``group``, by path: of what they say, the first that says anything counts."""
    claims = [recording.claim for recording in group]
    return DerivedTrack(
        id=identifier,
        artist_id=key[0],
        title=commonest_spelling(Counter(claim.title for claim in claims)),
        folded=key[1],
        album=claims[0].album,
        album_folded=key[2],
        album_artist=next((claim.album_artist for claim in claims if claim.album_artist), None),
        disc=next((claim.disc for claim in claims if claim.disc), None),
        number=next((claim.number for claim in claims if claim.number), None),
        year=next((claim.year for claim in claims if claim.year), None),
        length_ms=next((claim.length_ms for claim in claims if claim.length_ms), None),
        credit=next((claim.credit for claim in claims if claim.credit), None),
        clips=tuple(sorted({one.claim.clip_id for one in group if not one.is_copy})),
    )
