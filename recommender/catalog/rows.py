"""The rows of the catalog as frozen dataclasses and tuples: what is written to it and what is read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recommender.catalog.file_facts import FileTags, RowFacts
from recommender.errors import AmbiguousName, BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistRef:
    """An artist as a file, a tracklist or a provider names it, before it is matched to an artist of the catalog."""

    name: str
    external_ids: tuple[tuple[str, str], ...] = ()
    """(namespace, value) pairs such as ``("mbid", "…")``."""
    current_id: str | None = None
    """The artist that the file belongs to now: chosen when the name fits several artists and this is one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedArtist:
    """The artist that a reference means."""

    artist_id: str
    is_new: bool


MatchResult = MatchedArtist | AmbiguousName | BadInput
"""The result for one reference: an artist, or the error that says why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artist:
    """An artist and its preferred spelling."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistName:
    """One spelling of an artist's name; the preferred one is among them."""

    artist_id: str
    name: str
    folded: str
    """``names.fold(name)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalId:
    """An artist's id in another catalog."""

    namespace: str
    value: str
    artist_id: str


class Track(NamedTuple):
    """A track of one artist. Titles of an artist that fold alike are one track.

    A tuple and not a dataclass, because a build reads a million of them.
    """

    id: str
    artist_id: str
    title: str
    album: str = ""
    """Empty where no file names one, as are the texts that follow."""
    album_artist: str = ""
    disc: int = 0
    """0 where no file says it, as are the numbers that follow."""
    number: int = 0
    """Track number on its disc."""
    year: int = 0
    length_ms: int = 0
    """Of the whole recording, not of its clip."""
    credit: str = ""
    """The artists as the file credits them, where that is more than the artist: "Alpha One feat. Beta Two"."""
    path: str = ""
    """Absolute path of a file with the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClip:
    """An excerpt of a file, to be added under a track."""

    track_id: str | None
    """None until the catalog's facts are derived from its files."""
    content_sha256: str
    start_ms: int
    length_ms: int
    policy: str
    """How the excerpt was chosen."""
    source_path: str
    """Absolute path of the file."""
    audio_id: str | None = None
    """Identity of the sound without tags (docs/decisions/0014-identity-of-a-clip.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedClip:
    """The clip of an added excerpt. The same excerpt of the same content is one clip, whichever file it is in."""

    clip_id: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """An excerpt of a sound, and the track that it stands for."""

    id: str
    track_id: str | None
    """None when it is not published: no file names an artist for it, or all its files are gone."""
    audio_id: str | None
    content_sha256: str
    """Of the file that it was first read from."""
    start_ms: int
    length_ms: int
    source_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """Result of the last scan of a file: a clip, or the reason why it was rejected."""

    path: str
    """Absolute path."""
    size: int
    """Bytes."""
    mtime_ns: int
    content_sha256: str | None = None
    clip_id: str | None = None
    """None when its sound cannot be used; but a file on which the decoder was lost keeps the clip of its last scan."""
    reason: str | None = None
    """Why it is not part of the catalog, one stable word; None when it is."""
    detail: str | None = None
    losses: int = 0
    """Failures in a row that are retried (:mod:`recommender.retry_schedule`)."""
    skip_runs: int = 0
    """Runs that still skip it."""
    ctime_ns: int | None = None
    audio_id: str | None = None
    relative: str | None = None
    """Path inside the scanned folder; None in records older than migration 0004, as are the fields that follow."""
    length_ms: int | None = None
    """Of the whole sound."""
    tags: FileTags | None = None
    row: RowFacts | None = None
    """The row of the last tracklist that was given for its folder."""
    layout: tuple[str, ...] | None = None
    """Path layouts that its scan asked for; None for the built-in ones."""
    vanished_at: str | None = None
    """RFC 3339, UTC: when a scan first missed the file; None while it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingClip:
    """A clip that has no embedding in a space."""

    clip_id: str
    source_path: str
    content_sha256: str
    """Of the file that it was first read from."""
    start_ms: int
    length_ms: int
    audio_id: str | None = None


class EmbeddedClip(NamedTuple):
    """A clip that has an embedding in a space, and its track. A tuple, as :class:`Track` is."""

    clip_id: str
    track_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A clip that could not be embedded, and why."""

    clip_id: str
    source_path: str
    reason: str
    detail: str
    attempts: int
    losses: int = 0
    """Failures in a row that are retried (:mod:`recommender.retry_schedule`)."""
    skip_runs: int = 0
    """Runs that still skip it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A provider or an imported file, and the licence of its data."""

    name: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistGenre:
    """A genre of an artist, as one source gives it."""

    artist_id: str
    genre: str
    """``genres.fold_genre`` of the genre in the source."""
    source: str
    weight: float
    """Positive; only relative to the other weights of the same source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistPopularity:
    """How popular an artist is, as one source counts: listeners, followers, plays."""

    artist_id: str
    source: str
    value: float
    """At least 0: listeners, followers or plays. Only its order among the values of the same source has a meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneList:
    """A source gave a list of neighbours of this artist, even an empty one."""

    source: str
    artist_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneEdge:
    """A source lists ``neighbour_id`` near ``artist_id``."""

    source: str
    artist_id: str
    neighbour_id: str
    rank: int | None = None
    """1 is nearest; None when the source has no ranks."""
    strength: float | None = None
    """As the source gives it, higher is nearer; None when the source has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaboration:
    """Two artists on one recording. Their order has no meaning; stored rows have ``artist_a < artist_b``."""

    artist_a: str
    artist_b: str
    kind: str
    title: str
    """The recording; empty when the source gives none."""
    credited: int
    """How many artists are credited on it, at least 2."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation that was published."""

    version: int
    space: str
    """``Space.key``."""
    built_at: str
    """RFC 3339, UTC."""
    manifest_sha256: str
    artists: int
    tracks: int
    published_at: str
    """RFC 3339, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Something that was done with a generation. For audit only: no program reads it to decide anything."""

    version: int
    action: str
    """``publish``, ``rollback`` or ``refused``."""
    refusals: str
    """Reasons of the publish gate against it, one a line; empty when there are none."""
    forced_why: str | None
    """The operator's reason for publishing it in spite of the gate; None when it was not forced."""
    at: str
    """RFC 3339, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an idempotent write did with each given row, in order."""

    states: tuple[str, ...]
    """``new``, ``changed`` or ``unchanged``, one a row."""

    @property
    def written(self) -> int:
        """Rows that were new or changed."""
        return sum(state != "unchanged" for state in self.states)

    @classmethod
    def joined(cls, parts: Sequence[Changes]) -> Changes:
        """The changes of several writes, one after the other."""
        return cls(states=tuple(state for part in parts for state in part.states))
