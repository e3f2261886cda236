"""The rows of the catalog as frozen nouns: what goes into it and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recommender.errors import AmbiguousName, BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistRef:
    """An artist as a file, a manifest or a provider names it, before anyone knows which artist that is."""

    name: str
    external_ids: tuple[tuple[str, str], ...] = ()
    """(namespace, value) pairs such as ``("mbid", "…")``."""
    current_id: str | None = None
    """The artist the file belonged to so far: chosen when the name alone fits several artists and this is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundArtist:
    """The artist a reference came to mean."""

    artist_id: str
    is_new: bool


Identified = FoundArtist | AmbiguousName | BadInput
"""What became of one reference: an artist, or the reason why it is none."""


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
    """An artist's id somewhere else."""

    namespace: str
    value: str
    artist_id: str


class Track(NamedTuple):
    """A track of one artist. One title of one artist is one track, whatever its spelling.

    A tuple, for a build reads a million of them.
    """

    id: str
    artist_id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClip:
    """An excerpt of a file, to be added under a track."""

    track_id: str
    content_sha256: str
    start_ms: int
    length_ms: int
    policy: str
    """How the excerpt was chosen."""
    source_path: str
    """Absolute path of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedClip:
    """The clip an excerpt became. The same content and excerpt is the same clip, whichever file holds it."""

    clip_id: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """An excerpt with the track and artist it belongs to, and where it was last seen."""

    id: str
    track_id: str
    title: str
    artist_id: str
    source_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What the last scan made of a file: a clip, or a reason."""

    path: str
    """Absolute path."""
    size: int
    """Bytes."""
    mtime_ns: int
    content_sha256: str | None = None
    clip_id: str | None = None
    """Null when the file was rejected; but a file that costs its decoder its life keeps the clip it last gave."""
    reason: str | None = None
    """Why it was rejected, one stable word; null when it gave a clip."""
    detail: str | None = None
    losses: int = 0
    """Decoders it has cost in a row (:mod:`recommender.retry_schedule`)."""
    skip_runs: int = 0
    """Runs that still pass it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingClip:
    """A clip that a space has no embedding of."""

    clip_id: str
    source_path: str
    content_sha256: str
    """Of the file as it was scanned."""
    start_ms: int
    length_ms: int


class EmbeddedClip(NamedTuple):
    """A clip that a space has an embedding of, and its track. A tuple, as a track is."""

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
    """Decoders it has cost in a row (:mod:`recommender.retry_schedule`)."""
    skip_runs: int = 0
    """Runs that still pass it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who said it, and under which licence."""

    name: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistGenre:
    """A genre of an artist, as one source gives it."""

    artist_id: str
    genre: str
    """``names.fold_genre`` of what the source said."""
    source: str
    weight: float
    """Positive; only relative to the other weights of the same source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneList:
    """A source gave this artist's list of neighbours, be it empty."""

    source: str
    artist_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneEdge:
    """A source lists ``neighbour_id`` near ``artist_id``."""

    source: str
    artist_id: str
    neighbour_id: str
    rank: int | None = None
    """1 is nearest; null when the source does not say."""
    strength: float | None = None
    """As the source gives it, higher is nearer; null when it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaboration:
    """Two artists on one recording. The order of the two says nothing; stored rows have ``artist_a < artist_b``."""

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
    """Something that was done with a generation: for audit, never asked by what serves."""

    version: int
    action: str
    """``publish``, ``rollback`` or ``refused``."""
    refusals: str
    """What the gate held against it, one a line; empty when nothing."""
    forced_why: str | None
    """Why it was published whatever the gate would say; None when it was not forced."""
    at: str
    """RFC 3339, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a program that keeps a record of itself."""

    id: int
    kind: str
    """``nightly``."""
    started_at: str
    """RFC 3339, UTC."""
    ended_at: str | None
    """RFC 3339, UTC; null while it runs, and when it was killed."""
    state: str
    """``running``, ``done``, ``failed`` or ``killed``."""
    summary: str | None
    """JSON; null while it runs, and when it was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an idempotent write did to each row it was given, in that order."""

    states: tuple[str, ...]
    """``new``, ``changed`` or ``unchanged``, one a row."""

    @property
    def written(self) -> int:
        """Rows that were new or changed."""
        return sum(state != "unchanged" for state in self.states)

    @classmethod
    def joined(cls, parts: Sequence[Changes]) -> Changes:
        """One after the other."""
        return cls(states=tuple(state for part in parts for state in part.states))
