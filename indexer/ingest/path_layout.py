"""Reads artist, album, disc, number, year and title from the path of a file that has no tags.

Only layouts that leave no doubt are read: in other paths a folder may be a label, a year or a genre.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from indexer.audio.decode import AUDIO_SUFFIXES
from indexer.ingest.placeholders import is_placeholder
from recommender.errors import InvalidArgument
from recommender.names import fold

BUILT_IN = "built-in"
"""The word for the layouts that are read where none is named."""

MAX_LAYOUT_CHARACTERS = 300
MAX_FOLDERS = 8
"""Folders of a layout."""

_MAX_NAME_CHARACTERS = 255
"""Longest name of a folder or file that is read; file systems hold no longer ones."""

FIELDS = ("artist", "album", "disc", "number", "title", "year", "any")
"""Names that a layout may have in braces; ``any`` is text that is not used."""

_COLLECTION_NAMES = (
    "Compilations|Compilation|Soundtracks|Soundtrack|Sampler|Samplers|Collections|Mixes|Mixtapes|Playlists|Singles|"
    "Music|Musik|Musique|Música|Muziek|MP3|MP3s|FLAC|Downloads|Incoming|Unsorted|Misc|Miscellaneous|iTunes Media"
)
_COLLECTIONS = frozenset(fold(name) for name in _COLLECTION_NAMES.split("|"))
"""Names of folders that are no artist, besides placeholders."""

_DASHES = str.maketrans({"\u2010": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-"})
_DASH = re.compile(r"\s+[-\u2010\u2013\u2014\u2212]\s+")
_DISC_NUMBER = re.compile(r"(?P<disc>1?\d)-(?P<number>\d\d)(?:\s*-\s+|[\s._]+)(?P<rest>\S.*)")
_NUMBER = re.compile(r"(?P<number>\d{1,3})(?:\s*[)_]\s*|\.\s*(?=[^\d\s])|\.\s+|\s*[-\u2013\u2014]\s+)(?P<rest>\S.*)")
_BARE_NUMBER = re.compile(r"(?P<number>\d\d)\s+(?P<rest>\S.*)")
_MAX_BARE = 49
"""Higher numbers in front of a title without punctuation are a part of it: "99 Luftballons"."""
_TRACK = re.compile(r"\d{1,3}|[A-Da-d]\d{1,2}")
"""What stands before a dash and is no artist: a number, or a side of a record and a number."""

_DISC = re.compile(r"(?:cd|dis[ck]|dvd|lp|disque|disco|scheibe)\s*[-_.#]?\s*(\d{1,2})(?:\s*[-:].*)?", re.IGNORECASE)
_DISC_BEHIND = re.compile(r"(.*\S)\s*[(\[,\s-]\s*(?:cd|dis[ck])\s*[-_.#]?\s*(\d{1,2})\s*[)\]]?", re.IGNORECASE)
_YEAR = r"(?:19|20)\d\d"
_YEAR_BEFORE = re.compile(
    rf"(?:[(\[](?P<a>{_YEAR})[)\]]\s*[-\u2013\u2014]?\s*|(?P<b>{_YEAR})\s*[-\u2013\u2014_.]\s*)(?P<rest>\S.*)"
)
_YEAR_BEHIND = re.compile(rf"(?P<rest>.*\S)\s*[(\[](?P<a>{_YEAR})[)\]]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathFacts:
    """What a path says; None where it says nothing."""

    artist: str | None = None
    album: str | None = None
    disc: int | None = None
    number: int | None = None
    """Track number."""
    title: str | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A path layout such as ``{artist}/{album}/{number} - {title}``, read by :func:`parse_layout`."""

    folders: tuple[tuple[str, ...], ...]
    """For each folder, and the file name without its suffix: text and field names in turn, beginning with text."""


DEFAULT: tuple[Layout, ...] = ()
"""Layouts of the operator that are tried before the built-in ones."""


def checked_layouts(texts: Sequence[str]) -> tuple[str, ...] | None:
    """Layouts as the catalog records them; None for :data:`BUILT_IN`. Raises as :func:`parse_layout`."""
    if tuple(texts) == (BUILT_IN,):
        return None
    for text in texts:
        parse_layout(text)
    return tuple(texts) or None


def read_path(relative: str, layouts: Sequence[Layout] = DEFAULT) -> PathFacts:
    """What the path of a file, relative to the scanned folder, says about it.

    The first of ``layouts`` that fits the whole path decides; else the built-in layouts: ``Artist/Title``,
    ``Artist/Album/NN - Title``, ``Artist/Album/CD n/NN Title``, and ``Artist - Title`` at any depth. A folder like
    "Various Artists" or "Music" is no artist. The title is always given, if only as the file's name.

    >>> facts = read_path("Low/(1994) I Could Live in Hope/03 - Cut.flac")
    >>> facts.artist, facts.album, facts.year, facts.number, facts.title
    ('Low', 'I Could Live in Hope', 1994, 3, 'Cut')
    >>> read_path("Hits/Various Artists/07 Low - Cut.mp3").artist, read_path("a/b/c.ogg").artist
    ('Low', None)
    """
    path = PurePosixPath(relative)
    names = (*path.parts[:-1], path.stem)
    if max(map(len, names)) > _MAX_NAME_CHARACTERS:
        return PathFacts(title=path.stem)
    fitting = (facts for layout in layouts if (facts := _fit(layout, names)) is not None)
    facts = next(fitting, None) or _built_in(names)
    artist = facts.artist if facts.artist and not _is_nobody(facts.artist) else None
    return replace(facts, artist=artist, title=facts.title or path.stem)


def parse_layout(text: str) -> Layout:
    """Read a layout: fields in braces, with text between them, and ``/`` between folders; no suffix.

    Raises InvalidArgument that says what to change.

    >>> parse_layout("{artist}/{number} - {title}").folders
    (('', 'artist', ''), ('', 'number', ' - ', 'title', ''))
    """
    names = text.split("/")
    if len(text) > MAX_LAYOUT_CHARACTERS or len(names) > MAX_FOLDERS:
        raise _invalid(text[:50], f"has at most {MAX_LAYOUT_CHARACTERS} characters and {MAX_FOLDERS} folders")
    if PurePosixPath(text).suffix.lower() in AUDIO_SUFFIXES:
        raise _invalid(text, "ends with the suffix of a file; leave the suffix out, as in {artist}/{title}")
    folders = tuple(_parsed_name(text, name) for name in names)
    fields = [field for folder in folders for field in folder[1::2] if field != "any"]
    if len(set(fields)) < len(fields):
        raise _invalid(text, "has a field twice; use {any} for text that is not needed")
    if not {"artist", "title", "album"} & set(fields):
        raise _invalid(text, "needs {artist}, {album} or {title}")
    return Layout(folders=folders)


def artist_from_path(relative: str, layouts: Sequence[Layout] = DEFAULT) -> str | None:
    """The artist that a relative path names, if its layout is one that is read; else None.

    >>> artist_from_path("Mono/Ashes.flac"), artist_from_path("in/box/Mono - Ashes.flac"), artist_from_path("a/b/c.ogg")
    ('Mono', 'Mono', None)
    """
    return read_path(relative, layouts).artist


def title_from_path(relative: str, artist: str, layouts: Sequence[Layout] = DEFAULT) -> str:
    """The title that a path gives to a file by ``artist``: without track number and leading "Artist - ".

    >>> title_from_path("Mono/Mono - Ashes.flac", "MONO"), title_from_path("Ashes - Live.flac", "Mono")
    ('Ashes', 'Ashes - Live')
    """
    facts = read_path(relative, layouts)
    stem = PurePosixPath(relative).stem
    if layouts or (facts.artist is not None and fold(facts.artist) == fold(artist)):
        return facts.title or stem
    title = _track(stem, bare=0).title or stem  # the path names somebody else, so its dash is no join
    before, after = _at_dash(title)
    return after if after and before and fold(before) == fold(artist) else title


def _built_in(names: tuple[str, ...]) -> PathFacts:
    folders, disc = _without_disc(names[:-1])
    in_album = len(folders) >= 2
    track = _track(names[-1], bare=_MAX_BARE if in_album or disc else 9)
    title = track.title or names[-1]
    track = replace(track, disc=track.disc or disc)
    if len(folders) == 2 and (track.number or disc) and not any(map(_is_nobody, folders)):
        return replace(_album(folders[1], track), artist=folders[0], title=_without_artist(title, folders[0]))
    if len(folders) == 1 and not _is_nobody(folders[0]):
        return _in_one_folder(folders[0], track, title)
    before, after = _at_dash(title)
    if before is None:
        return track
    behind = replace(track, artist=before, title=after)
    same = len(folders) == 2 and fold(folders[0]) == fold(before)
    return _album(folders[1], behind) if same else behind


def _in_one_folder(folder: str, track: PathFacts, title: str) -> PathFacts:
    """``Artist/Title``, or ``Artist - Album/NN - Title``."""
    before, after = _at_dash(folder)
    if before and after and track.number and not re.fullmatch(_YEAR, before):
        return replace(_album(after, track), artist=before, title=_without_artist(title, before))
    if before and track.number:  # "1994 - Album": the artist may stand in the file's name
        artist, rest = _at_dash(title)
        return replace(_album(folder, track), artist=artist, title=rest if artist else title)
    return replace(track, artist=folder, title=_without_artist(title, folder))


def _without_disc(folders: tuple[str, ...]) -> tuple[tuple[str, ...], int | None]:
    """The folders without a last one like "CD 2", or with "Album (CD 2)" without its end; and the disc."""
    if not folders:
        return folders, None
    alone, behind = _DISC.fullmatch(folders[-1]), _DISC_BEHIND.fullmatch(folders[-1])
    if alone:
        return folders[:-1], int(alone[1]) or None
    if behind:
        return (*folders[:-1], behind[1].rstrip(" -,")), int(behind[2]) or None
    return folders, None


def _album(folder: str, track: PathFacts) -> PathFacts:
    """``track`` with the album that ``folder`` names, and its year: "(1994) Album", "1994 - Album", "Album (1994)"."""
    before, behind = _YEAR_BEFORE.fullmatch(folder), _YEAR_BEHIND.fullmatch(folder)
    if before:
        return replace(track, album=before["rest"], year=int(before["a"] or before["b"]))
    if behind:
        return replace(track, album=behind["rest"], year=int(behind["a"]))
    return replace(track, album=folder)


def _track(stem: str, *, bare: int) -> PathFacts:
    """Disc, number and title of a file name. ``bare``: the highest number that needs no punctuation behind it."""
    if "_-_" in stem and " " not in stem:
        stem = stem.replace("_", " ")
    found = _DISC_NUMBER.fullmatch(stem)
    if found:
        return PathFacts(disc=int(found["disc"]) or None, number=int(found["number"]) or None, title=found["rest"])
    found = _NUMBER.fullmatch(stem) or _BARE_NUMBER.fullmatch(stem)
    if found is None or (found.re is _BARE_NUMBER and int(found["number"]) > bare):
        return PathFacts(title=stem)
    return PathFacts(number=int(found["number"]) or None, title=found["rest"])


def _without_artist(title: str, artist: str) -> str:
    before, after = _at_dash(title)
    return after if before and after and fold(before) == fold(artist) else title


def _at_dash(text: str) -> tuple[str | None, str | None]:
    """The parts before and behind the first dash between spaces; None, None without one, or behind a track number."""
    before, *after = _DASH.split(text, maxsplit=1)
    return (before, after[0]) if after and before and not _TRACK.fullmatch(before) else (None, None)


def _is_nobody(name: str) -> bool:
    return fold(name) in _COLLECTIONS or is_placeholder(name)


def _parsed_name(layout: str, name: str) -> tuple[str, ...]:
    """Text and fields of one folder name of a layout in turn."""
    if not name.strip() or name in (".", ".."):
        raise _invalid(layout, "must be relative to the scanned folder, without '..' and without empty folders")
    pieces = re.split(r"[{}]", name)
    braces = re.sub(r"[^{}]", "", name)
    if braces != "{}" * (len(braces) // 2):
        raise _invalid(layout, "has braces that do not belong together; write fields as {artist}")
    unknown = [field for field in pieces[1::2] if field not in FIELDS]
    if unknown:
        raise _invalid(layout, f"has no field {{{unknown[0]}}}; the fields are {', '.join(FIELDS)}")
    if any(not text for text in pieces[2:-1:2]):
        raise _invalid(layout, "needs text between two fields, such as ' - '")
    return tuple(piece.translate(_DASHES) if index % 2 == 0 else piece for index, piece in enumerate(pieces))


def _invalid(layout: str, problem: str) -> InvalidArgument:
    return InvalidArgument("layout", f"{layout!r} {problem}")


def _fit(layout: Layout, names: tuple[str, ...]) -> PathFacts | None:
    """What ``names`` say by ``layout``; None where it does not fit."""
    if len(layout.folders) != len(names):
        return None
    values: dict[str, str] = {}
    for pieces, name in zip(layout.folders, names, strict=True):
        found = _fit_name(pieces, name)
        if found is None:
            return None
        values |= found
    numbers = {field: int(values[field]) or None for field in ("disc", "number", "year") if field in values}
    return PathFacts(artist=values.get("artist"), album=values.get("album"), title=values.get("title"), **numbers)


def _fit_name(pieces: tuple[str, ...], name: str) -> dict[str, str] | None:
    """The fields of one folder name. A field ends where the text behind it first occurs, so the time is linear."""
    plain = name.translate(_DASHES)
    if not plain.startswith(pieces[0]):
        return None
    values: dict[str, str] = {}
    position = len(pieces[0])
    for index in range(1, len(pieces), 2):
        field, text = pieces[index], pieces[index + 1]
        last = index + 2 >= len(pieces)
        end = _end_of(plain, text, position, last=last)
        value = name[position:end].strip() if end is not None else ""
        if end is None or not value or (field in ("disc", "number", "year") and not re.fullmatch("[0-9]{1,4}", value)):
            return None
        values[field] = value
        position = end + len(text)
    return values if position == len(plain) else None


def _end_of(plain: str, text: str, position: int, *, last: bool) -> int | None:
    """Where a field that starts at ``position`` ends, before ``text``."""
    if last:
        return len(plain) - len(text) if plain.endswith(text) else None
    end = plain.find(text, position + 1)
    return end if end >= 0 else None
