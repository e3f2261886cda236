"""Derives the catalog's artists, tracks, genres and collaborations from what all its files say.

Nothing here looks at what was derived before, except to keep ids. So a corrected tag replaces what it corrected, and
the same files give the same facts whatever was scanned, retagged, moved or removed before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from indexer.ingest.credits import KnownNames, commonest_spelling
from indexer.ingest.facts.believed_files import BelievedClaim, believed
from indexer.ingest.facts.claims import CreditedArtist, FileClaim, known_names, read_claim
from indexer.ingest.facts.match_artists import ArtistMatching, MatchedRefs, RefKey
from indexer.ingest.facts.splits import Splits, read_splits
from indexer.ingest.facts.tracks import Recording, StoredTracks, TrackKey, group_tracks
from indexer.tabular.records import reason_of
from recommender.catalog import Catalog
from recommender.catalog.facts_of_files import TAGS, DerivedArtist, DerivedFacts, KnownArtist
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
    keys = catalog.track_keys()
    known = catalog.known_artists() if files or keys else []  # of names alone there may be millions
    read = [file for file in files if file.tags is not None]
    unread = _unread(files, track_of)
    imported = [name for artist in known if artist.imported for name in (artist.names or (artist.name,))]
    names = known_names(read, imported)
    claims, problems = _claims(read, names)
    splits = read_splits(catalog.read_edits())
    owners = splits.owners_before(_owners(keys, track_of))
    matching = ArtistMatching(known, made_by_hand=splits.artists)
    counted = believed(claims, {file.path: file for file in read})
    recordings, unmatched = _match(counted, matching, owners, splits)
    problems |= unmatched
    reserved = frozenset(track_id for clip_id, track_id in track_of.items() if clip_id in unread and track_id)
    stored = StoredTracks(keys=keys, track_of=track_of, reserved=reserved)
    tracks, copies = group_tracks(recordings, stored)
    catalog.replace_facts(
        DerivedFacts(
            artists=splits.add_to(_artists(matching, known), {one.artists[0][0] for one in recordings}),
            tracks=tracks,
            genres=_genres(recordings),
            collaborations=_collaborations(recordings),
            source_paths={one.claim.clip_id: one.claim.path for one in recordings if not one.is_copy},
            copies=copies,
        ),
        unread=unread,
    )
    _record_problems(catalog, read, problems)


def _unread(files: Sequence[FileRecord], track_of: Mapping[str, str | None]) -> frozenset[str]:
    """Clips whose track is kept: none of their files has been read since what files say is recorded."""
    read = {file.clip_id for file in files if file.tags is not None}
    return frozenset(clip_id for clip_id, track_id in track_of.items() if track_id is not None and clip_id not in read)


def _owners(keys: Mapping[str, TrackKey], track_of: Mapping[str, str | None]) -> dict[str, str]:
    """Clip id -> id of the artist that it belongs to now."""
    return {clip_id: keys[track_id][0] for clip_id, track_id in track_of.items() if track_id and track_id in keys}


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
    counted: Sequence[BelievedClaim], matching: ArtistMatching, owners: Mapping[str, str], splits: Splits
) -> tuple[list[Recording], dict[str, BadInput | AmbiguousName]]:
    refs: dict[RefKey, ArtistRef] = {}
    claims = [item.claim for item in counted]
    for claim in claims:
        for credited in _credits(claim, splits):
            refs.setdefault(_ref_key(credited.ref, owners.get(claim.clip_id)), credited.ref)
    results = matching.match(refs)
    recordings: list[Recording] = []
    problems: dict[str, BadInput | AmbiguousName] = {}
    for item in counted:
        claim = item.claim
        matched = [(results[_ref_key(c.ref, owners.get(claim.clip_id))], c) for c in _credits(claim, splits)]
        first = splits.artist_of.get(claim.clip_id)
        if first is None and not isinstance(matched[0][0], MatchedRefs):
            problems[claim.path] = matched[0][0]
            continue
        artists = _credited(matched, {first: False} if first is not None else {})
        recordings.append(Recording(claim=claim, artists=tuple(artists.items()), is_copy=item.is_copy))
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


def _genres(recordings: Sequence[Recording]) -> list[ArtistGenre]:
    rows = {
        (artist_id, genre, recording.claim.genre_source)
        for recording in recordings
        for artist_id, featured in recording.artists
        if not featured
        for genre in recording.claim.genres
    }
    return [ArtistGenre(artist_id=a, genre=g, source=s, weight=1.0) for a, g, s in sorted(rows)]


def _collaborations(recordings: Sequence[Recording]) -> list[Collaboration]:
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
