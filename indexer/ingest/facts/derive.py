"""Derives the catalog's artists, tracks, genres and collaborations from what all its files say.

Nothing here looks at what was derived before, except to keep ids. So a corrected tag replaces what it corrected, and
the same files give the same facts whatever was scanned, retagged, moved or removed before.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from indexer.ingest.credits import KnownNames, commonest_spelling
from indexer.ingest.facts.claims import CreditedArtist, FileClaim, known_names, read_claim
from indexer.ingest.facts.match_artists import ArtistMatching, MatchedRefs, RefKey
from indexer.ingest.facts.splits import Splits, read_splits
from indexer.tabular.records import reason_of
from recommender.catalog import Catalog
from recommender.catalog.derived import TAGS, DerivedArtist, DerivedFacts, DerivedTrack, KnownArtist
from recommender.catalog.rows import ArtistGenre, ArtistRef, Collaboration, FileRecord
from recommender.errors import AmbiguousName, BadInput
from recommender.names import fold, fold_release

IDENTITY = frozenset(
    {"no_artist", "ambiguous_name", "external_ids_disagree", "bad_external_id", "bad_text", "no_title"}
)
"""Reasons that depend on what is known of all files: decided again at every derivation, without reading the file."""

_MAX_DETAIL = 1000
"""Characters of a rejection's detail that are stored."""
_JOINT, _FEATURED = "joint", "featured"

TrackKey = tuple[str, str, str]
"""(artist id, folded title, folded album)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    """A claim with its artists matched: ids in the order of its credits."""

    claim: FileClaim
    artists: tuple[tuple[str, bool], ...]
    """(artist id, featured), no artist twice."""

    @property
    def key(self) -> TrackKey:
        album = fold_release(self.claim.album) if self.claim.album else ""
        return self.artists[0][0], fold(self.claim.title), album


def derive(catalog: Catalog, *, only_if_changed: bool = True) -> bool:
    """Derive every fact of files again, in one transaction; returns whether it was needed.

    Files to which neither row, tags nor path give an artist are recorded as rejected with the reason, and their clips
    belong to no track until that changes. Files that have not been read since the catalog records what they say
    (migration 0004) keep their tracks as they are.
    """
    if only_if_changed and catalog.facts_are_current():
        return False
    with catalog.transaction():
        _derive(catalog)
    return True


def _derive(catalog: Catalog) -> None:
    files = [file for file in catalog.read_files() if file.clip_id is not None]
    track_of = catalog.tracks_of_clips()
    known = catalog.known_artists() if files else []  # of names alone there may be millions
    read = [file for file in files if file.tags is not None]
    unread = _unread(files, track_of)
    imported = [name for artist in known if artist.imported for name in (artist.names or (artist.name,))]
    names = known_names(read, imported)
    claims, problems = _claims(read, names)
    splits = read_splits(catalog.read_edits())
    owners = splits.owners_before(_owners(catalog, track_of))
    matching = ArtistMatching(known, made_by_hand=splits.artists)
    recordings, unmatched = _match(claims, matching, owners, splits)
    problems |= unmatched
    believed = _believed(recordings, {file.path: file for file in read})
    reserved = frozenset(track_id for clip_id, track_id in track_of.items() if clip_id in unread and track_id)
    tracks = _tracks(believed, _Stored(keys=catalog.track_keys(), track_of=track_of, reserved=reserved))
    catalog.replace_facts(
        DerivedFacts(
            artists=splits.add_to(_artists(matching, known), {one.artists[0][0] for one in believed}),
            tracks=tracks,
            genres=_genres(believed),
            collaborations=_collaborations(believed),
            source_paths={recording.claim.clip_id: recording.claim.path for recording in believed},
        ),
        unread=unread,
    )
    _record_problems(catalog, read, problems)


def _unread(files: Sequence[FileRecord], track_of: Mapping[str, str | None]) -> frozenset[str]:
    """Clips whose track is kept: none of their files has been read since what files say is recorded."""
    read = {file.clip_id for file in files if file.tags is not None}
    return frozenset(clip_id for clip_id, track_id in track_of.items() if track_id is not None and clip_id not in read)


def _owners(catalog: Catalog, track_of: Mapping[str, str | None]) -> dict[str, str]:
    """Clip id -> id of the artist that it belongs to now."""
    keys = catalog.track_keys()
    return {clip_id: keys[track_id][0] for clip_id, track_id in track_of.items() if track_id in keys}


def _claims(
    files: Iterable[FileRecord], names: KnownNames
) -> tuple[list[FileClaim], dict[str, BadInput | AmbiguousName]]:
    claims: list[FileClaim] = []
    problems: dict[str, BadInput | AmbiguousName] = {}
    for file in files:
        try:
            claims.append(read_claim(file, names))
        except BadInput as error:
            problems[file.path] = error
    return claims, problems


def _match(
    claims: Sequence[FileClaim], matching: ArtistMatching, owners: Mapping[str, str], splits: Splits
) -> tuple[list[_Recording], dict[str, BadInput | AmbiguousName]]:
    refs: dict[RefKey, ArtistRef] = {}
    for claim in claims:
        for credited in _credits(claim, splits):
            refs.setdefault(_ref_key(credited.ref, owners.get(claim.clip_id)), credited.ref)
    results = matching.match(refs)
    recordings: list[_Recording] = []
    problems: dict[str, BadInput | AmbiguousName] = {}
    for claim in claims:
        matched = [(results[_ref_key(c.ref, owners.get(claim.clip_id))], c) for c in _credits(claim, splits)]
        first = splits.artist_of.get(claim.clip_id)
        if first is None and not isinstance(matched[0][0], MatchedRefs):
            problems[claim.path] = matched[0][0]
            continue
        artists = {first: False} if first is not None else {}
        recordings.append(_Recording(claim=claim, artists=tuple(_credited(matched, artists).items())))
    return recordings, problems


def _credited(
    matched: Iterable[tuple[MatchedRefs | BadInput | AmbiguousName, CreditedArtist]], artists: dict[str, bool]
) -> dict[str, bool]:
    """``artists`` (id -> featured) and those that were matched. A guest that cannot be told is left out."""
    for artist, credited in matched:
        if not isinstance(artist, MatchedRefs) or artist.id is None:
            continue
        artists.setdefault(artist.id, credited.featured)
        if credited.ref.name:
            artist.names[credited.ref.name] += 1
    return artists


def _credits(claim: FileClaim, splits: Splits) -> Sequence[CreditedArtist]:
    """The artists to match. The first artist of a clip that was split off is known, whatever the file says."""
    return claim.credits[1:] if claim.clip_id in splits.artist_of else claim.credits


def _ref_key(ref: ArtistRef, current_id: str | None) -> RefKey:
    pairs = tuple(sorted(ref.external_ids))
    return fold(ref.name), pairs, None if pairs else current_id


def _believed(recordings: Sequence[_Recording], files: Mapping[str, FileRecord]) -> list[_Recording]:
    """One recording for each clip, of the files with the same sound.

    Of files with other tags the one that was written last is believed: that is the corrected one. Of copies with the
    same bytes it is the oldest: a copy elsewhere does not rename the original, though it is younger. So files with the
    same bytes count as one, of the age of the oldest. Files that are there come before files that have vanished.
    """
    oldest: dict[tuple[str | None, str | None], tuple[int, int]] = {}
    for recording in recordings:
        file = files[recording.claim.path]
        copies, times = (file.clip_id, file.content_sha256), _times(file)
        oldest[copies] = min(times, oldest.get(copies, times))

    def rank(recording: _Recording) -> tuple[bool, int, int, tuple[int, int], str]:
        file = files[recording.claim.path]
        written, arrived = oldest[file.clip_id, file.content_sha256]
        return file.vanished_at is not None, -written, -arrived, _times(file), file.path

    chosen: dict[str, _Recording] = {}
    for recording in sorted(recordings, key=rank):
        chosen.setdefault(recording.claim.clip_id, recording)
    return sorted(chosen.values(), key=lambda recording: recording.claim.path)


def _times(file: FileRecord) -> tuple[int, int]:
    """When its content was written, and when it came to be where it is (a copy may keep the first)."""
    return file.mtime_ns, file.ctime_ns or 0


def _artists(matching: ArtistMatching, known: Sequence[KnownArtist]) -> list[DerivedArtist]:
    by_id = {artist.id: artist for artist in known}
    derived: list[DerivedArtist] = []
    for artist in matching.artists:
        identifier = artist.id or ""
        old = by_id.get(identifier)
        counts = Counter(artist.names)
        counts.update((old.names or (old.name,)) if old is not None and old.imported else ())
        name = commonest_spelling(counts) if counts else old.name if old else ""
        if not artist.names and not (old is not None and old.imported):
            continue
        ids = frozenset(artist.file_ids)
        names = frozenset({*artist.names, name})
        derived.append(DerivedArtist(id=identifier, name=name, names=names, external_ids=ids))
    return derived


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """The tracks of the catalog before the derivation."""

    keys: Mapping[str, TrackKey]
    track_of: Mapping[str, str | None]
    """Clip id -> track id."""
    reserved: frozenset[str]
    """Tracks that also have clips whose files have not been read: they keep their titles."""


def _tracks(recordings: Sequence[_Recording], stored: _Stored) -> list[DerivedTrack]:
    groups: defaultdict[TrackKey, list[_Recording]] = defaultdict(list)
    for recording in recordings:
        groups[recording.key].append(recording)
    ids = _track_ids(groups, stored)
    return [_track(ids[key], key, group) for key, group in sorted(groups.items())]


def _track_ids(groups: Mapping[TrackKey, Sequence[_Recording]], stored: _Stored) -> dict[TrackKey, str]:
    """An id for each track: that of the track with the same key, else of the one its clips were in, else a new one."""
    by_key = {key: identifier for identifier, key in stored.keys.items()}
    ids = {key: by_key[key] for key in groups if key in by_key}
    taken = set(ids.values()) | stored.reserved
    for key, group in sorted(groups.items()):
        if key in ids:
            continue
        before = Counter(stored.track_of.get(recording.claim.clip_id) for recording in group)
        candidates = sorted((-count, track) for track, count in before.items() if track and track not in taken)
        ids[key] = candidates[0][1] if candidates else uuid.uuid4().hex
        taken.add(ids[key])
    return ids


def _track(identifier: str, key: TrackKey, group: Sequence[_Recording]) -> DerivedTrack:
    claims = [recording.claim for recording in group]
    first = claims[0]
    return DerivedTrack(
        id=identifier,
        artist_id=key[0],
        title=commonest_spelling(Counter(claim.title for claim in claims)),
        folded=key[1],
        album=first.album,
        album_folded=key[2],
        album_artist=next((claim.album_artist for claim in claims if claim.album_artist), None),
        disc=next((claim.disc for claim in claims if claim.disc), None),
        number=next((claim.number for claim in claims if claim.number), None),
        year=next((claim.year for claim in claims if claim.year), None),
        length_ms=next((claim.length_ms for claim in claims if claim.length_ms), None),
        credit=next((claim.credit for claim in claims if claim.credit), None),
        clips=tuple(sorted({claim.clip_id for claim in claims})),
    )


def _genres(recordings: Sequence[_Recording]) -> list[ArtistGenre]:
    rows = {
        (artist_id, genre, recording.claim.genre_source)
        for recording in recordings
        for artist_id, featured in recording.artists
        if not featured
        for genre in recording.claim.genres
    }
    return [ArtistGenre(artist_id=a, genre=g, source=s, weight=1.0) for a, g, s in sorted(rows)]


def _collaborations(recordings: Sequence[_Recording]) -> list[Collaboration]:
    """One event for each pair of artists and recording: titles that differ in words of release only are one."""
    events: dict[tuple[str, str, str], Collaboration] = {}
    for recording in recordings:
        for (one, one_featured), (other, other_featured) in combinations(recording.artists, 2):
            first, second = sorted((one, other))
            event = Collaboration(
                artist_a=first,
                artist_b=second,
                kind=_FEATURED if one_featured or other_featured else _JOINT,
                title=recording.claim.title,
                credited=len(recording.artists),
                source=TAGS,
            )
            events.setdefault((first, second, fold_release(recording.claim.title)), event)
    return [events[key] for key in sorted(events)]


def _record_problems(
    catalog: Catalog, files: Iterable[FileRecord], problems: Mapping[str, BadInput | AmbiguousName]
) -> None:
    changes: dict[str, tuple[str, str] | None] = {}
    for file in files:
        if file.reason is not None and file.reason not in IDENTITY:
            continue  # its sound could not be read: that comes first
        error = problems.get(file.path)
        problem = (reason_of(error)[0], reason_of(error)[1][:_MAX_DETAIL]) if error is not None else None
        if problem != ((file.reason, file.detail or "") if file.reason else None):
            changes[file.path] = problem
    catalog.set_rejections(changes)
