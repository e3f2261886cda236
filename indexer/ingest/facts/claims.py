"""What one audio file claims: who made its recording, the title, the album and the genres.

A tracklist row comes before the tags, and the tags before the path.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from indexer.ingest.credits import KnownNames, credits_of, names_known_from
from indexer.ingest.path_layout import DEFAULT, PathFacts, parse_layout, read_path
from indexer.ingest.placeholders import is_placeholder
from recommender.catalog.facts_of_files import TAGS, TRACKLIST
from recommender.catalog.file_facts import FileTags
from recommender.catalog.rows import ArtistRef, FileRecord
from recommender.errors import BadInput
from recommender.genres import split_genres
from recommender.names import clean, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditedArtist:
    """One of the artists of a recording."""

    ref: ArtistRef
    featured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileClaim:
    """What one file says of its recording. Numbers and texts are None where it says nothing."""

    path: str
    clip_id: str
    credits: tuple[CreditedArtist, ...]
    """At least one, the artist of the track first; no artist twice."""
    credit: str | None
    """The credit as the file writes it, where that is more than the name of one artist."""
    title: str
    album: str | None
    album_artist: str | None
    disc: int | None
    number: int | None
    year: int | None
    length_ms: int | None
    genres: tuple[str, ...]
    """Folded."""
    genre_source: str


def known_names(files: Collection[FileRecord], imported: Collection[str]) -> KnownNames:
    """The names that are known to mean one artist: of tracklist rows, of imports, and of tags that leave no doubt."""
    known = KnownNames(imported)
    for file in files:
        if file.row is not None and file.row.artist:
            known.add(file.row.artist)
        elif file.tags is not None:
            known.add(*names_known_from(file.tags), *_names_of_path(file))
    return known


def read_claim(file: FileRecord, known: KnownNames) -> FileClaim:
    """The claim of a file of the ledger that has a clip, tags and a relative path.

    Raises BadInput: ``no_artist`` when neither row, tags nor path name an artist, ``no_title``, ``bad_text``,
    ``bad_external_id``.
    """
    tags, relative = file.tags or FileTags(), file.relative or ""
    path = _path_facts(file)
    row = file.row
    artists = _credits(file, tags, path, known)
    title = clean((row and row.title) or tags.title or path.title or _stem(relative), what="title")
    if not fold(title):
        raise BadInput("no_title", "the title is blank; give one in its tags or in a tracklist")
    from_row = row is not None and row.genres is not None
    return FileClaim(
        path=file.path,
        clip_id=file.clip_id or "",
        credits=artists,
        credit=_credit_text(tags, artists) if row is None else None,
        title=title,
        album=_cleaned((row and row.album) or tags.album or (path.album if not tags.title else None), what="album"),
        album_artist=_cleaned(next(iter(tags.album_artists), None), what="album artist"),
        disc=tags.disc or path.disc,
        number=tags.number or path.number,
        year=tags.year or path.year,
        length_ms=file.length_ms,
        genres=(row.genres or ()) if row and from_row else split_genres(tags.genres),
        genre_source=TRACKLIST if from_row else TAGS,
    )


def _names_of_path(file: FileRecord) -> tuple[str, ...]:
    """The artist of a path that is believed, because the tags name none."""
    tags = file.tags or FileTags()
    path = _path_facts(file) if not (tags.artists or tags.album_artists) else PathFacts()
    return (path.artist,) if path.artist else ()


def _path_facts(file: FileRecord) -> PathFacts:
    layouts = tuple(parse_layout(text) for text in file.layout) if file.layout else DEFAULT
    return read_path(file.relative or "", layouts)


def _credits(file: FileRecord, tags: FileTags, path: PathFacts, known: KnownNames) -> tuple[CreditedArtist, ...]:
    row = file.row
    if row is not None and (row.external_ids or not is_placeholder(row.artist)):
        ref = ArtistRef(name=clean(row.artist, what="artist name"), external_ids=row.external_ids)
        return (CreditedArtist(ref=ref, featured=False),)
    read = [
        CreditedArtist(ref=_ref(credit.name, credit.mbid), featured=credit.featured)
        for credit in credits_of(tags, known)
    ]
    if not any(not artist.featured for artist in read):
        if path.artist is None or is_placeholder(path.artist):
            raise BadInput("no_artist", _no_artist(file))
        read.insert(0, CreditedArtist(ref=_ref(path.artist, None), featured=False))
    unique: dict[tuple[str, tuple[tuple[str, str], ...]], CreditedArtist] = {}
    for artist in sorted(read, key=lambda artist: artist.featured):
        unique.setdefault((fold(artist.ref.name), artist.ref.external_ids), artist)
    return tuple(unique.values())


def _no_artist(file: FileRecord) -> str:
    read_as = " or ".join(file.layout) if file.layout else "Artist/Title, Artist/Album/NN - Title or Artist - Title"
    return (
        f"neither its tags nor its path, read as {read_as}, name an artist; "
        "tag it, give a tracklist, or name the layout with --layout"
    )


def _ref(name: str, mbid: str | None) -> ArtistRef:
    return ArtistRef(name=clean(name, what="artist name"), external_ids=(("mbid", mbid.lower()),) if mbid else ())


def _credit_text(tags: FileTags, artists: tuple[CreditedArtist, ...]) -> str | None:
    text = "; ".join(tags.artists)
    return text if len(artists) > 1 and text and fold(text) != fold(artists[0].ref.name) else None


def _cleaned(text: str | None, *, what: str) -> str | None:
    return clean(text, what=what) or None if text else None


def _stem(relative: str) -> str:
    name = relative.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0] if "." in name else name
