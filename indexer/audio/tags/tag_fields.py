"""Makes :class:`FileTags` of the raw values of one kind of tag: common keys, clean text, numbers, ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from indexer.audio.tags.tag_text import MAX_TEXT, clean_text, is_doubtful, repair_encoding
from recommender.catalog.file_facts import FileTags

MAX_VALUES = 20
"""Values of one field that are kept."""
MAX_NUMBER = 9999
"""Highest disc and track number."""

_MAX_RAW = 6 * MAX_TEXT
"""Characters of a raw value that are examined: text that was read wrongly twice is several times as long."""

RawTags = Mapping[str, Sequence[str]]
"""Key of any kind of tag -> values."""

_KEY_PUNCTUATION = re.compile(r"[\s_/\-]+")
_KEYS = {
    "author": "artist",
    "iart": "artist",
    "wmalbumartist": "albumartist",
    "wmalbumtitle": "album",
    "wmgenre": "genre",
    "wmpartofset": "discnumber",
    "wmtracknumber": "tracknumber",
    "wmyear": "date",
    "wmartists": "artists",
    "year": "date",
    "track": "tracknumber",
    "disc": "discnumber",
    "musicbrainzrecordingid": "musicbrainztrackid",
}
"""Keys of the kinds of tag, folded by :func:`_key` -> the key of Vorbis comments, folded."""

_TEXTS = {
    "artists": "artist",
    "artist_list": "artists",
    "album_artists": "albumartist",
    "title": "title",
    "album": "album",
    "genres": "genre",
}
"""Field of FileTags -> folded key."""
_SINGLE = ("title", "album")

_MBID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER = re.compile(r"\s*0*(\d{1,4})(?:\.0*)?\s*(?:$|/|of\b)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(1\d{3}|20\d\d)(?!\d)|^\s*(1\d{3}|20\d\d)(?:0[1-9]|1[0-2])[0-3]\d\s*$")

_GROUPS = (
    ("artists", "artist_list", "artist_ids"),
    ("album_artists", "album_artist_ids"),
    ("title", "recording_id"),
    ("album",),
    ("genres",),
    ("disc", "number"),
    ("year",),
)
"""Fields that belong together: ids of one tag must not meet the names of another."""


def file_tags(raw: RawTags) -> FileTags:
    """The tags that ``raw`` holds; keys are compared without case, spaces and underscores. Never raises."""
    values = _by_key(raw)
    fields: dict[str, object] = {}
    marks: dict[str, list[str]] = {"repaired": [], "doubtful": []}
    for field, key in _TEXTS.items():
        repaired = [repair_encoding(value) for value in values.get(key, ())]
        texts = _clean(repaired)
        fields[field] = next(iter(texts), None) if field in _SINGLE else texts
        if repaired != values.get(key, []):
            marks["repaired"].append(field)
        elif any(map(is_doubtful, repaired)):
            marks["doubtful"].append(field)
    fields |= {
        "disc": _number(values.get("discnumber", ())),
        "number": _number(values.get("tracknumber", ())),
        "year": _year([*values.get("date", ()), *values.get("originaldate", ())]),
        "artist_ids": _mbids(values.get("musicbrainzartistid", ())),
        "album_artist_ids": _mbids(values.get("musicbrainzalbumartistid", ())),
        "recording_id": next(iter(_mbids(values.get("musicbrainztrackid", ()))), None),
    }
    fields |= {mark: tuple(names) for mark, names in marks.items()}
    return msgspec.convert(fields, FileTags)


def joined(tags: Iterable[FileTags]) -> FileTags:
    """The first of ``tags``, with what it lacks from the next ones; fields that belong together come from one."""
    result = FileTags()
    for more in tags:
        for group in _GROUPS:
            if not any(getattr(result, field) for field in group):
                result = _filled(result, more, group)
    return result


def checked(data: object) -> FileTags:
    """Tags from JSON that a hostile file may have written, cleaned and cut like those that are read here.

    Raises ValueError if they are no tags.
    """
    try:
        tags = msgspec.convert(data, FileTags)
    except msgspec.ValidationError as error:
        raise ValueError(f"not tags: {error}") from error
    return FileTags(
        artists=_clean(tags.artists),
        artist_list=_clean(tags.artist_list),
        album_artists=_clean(tags.album_artists),
        title=_clean_one(tags.title),
        album=_clean_one(tags.album),
        genres=_clean(tags.genres),
        artist_ids=_mbids(tags.artist_ids),
        album_artist_ids=_mbids(tags.album_artist_ids),
        recording_id=next(iter(_mbids([tags.recording_id or ""])), None),
        disc=_in_range(tags.disc),
        number=_in_range(tags.number),
        year=_in_range(tags.year),
        repaired=tuple(field for field in _TEXTS if field in tags.repaired),
        doubtful=tuple(field for field in _TEXTS if field in tags.doubtful),
    )


def _by_key(raw: RawTags) -> dict[str, list[str]]:
    """Folded key -> values, cut at NUL, which ends a value in several kinds of tag."""
    values: dict[str, list[str]] = {}
    for key, texts in raw.items():
        parts = [part for text in texts[:MAX_VALUES] for part in text.split("\0", MAX_VALUES)[:MAX_VALUES]]
        values.setdefault(_key(key), []).extend(part[:_MAX_RAW] for part in parts if part.strip())
    return values


def _key(key: str) -> str:
    folded = _KEY_PUNCTUATION.sub("", key.casefold())
    return _KEYS.get(folded, folded)


def _filled(tags: FileTags, more: FileTags, group: tuple[str, ...]) -> FileTags:
    values = {field: getattr(more, field) for field in group}
    for mark in ("repaired", "doubtful"):
        values[mark] = (*getattr(tags, mark), *(field for field in getattr(more, mark) if field in group))
    return msgspec.structs.replace(tags, **values)


def _clean(texts: Iterable[str]) -> tuple[str, ...]:
    """Every text that is not blank, cleaned, once, in order."""
    cleaned = (clean_text(text) for text in texts)
    return tuple(dict.fromkeys(text for text in cleaned if text))[:MAX_VALUES]


def _clean_one(text: str | None) -> str | None:
    return clean_text(text) or None if text else None


def _number(texts: Iterable[str]) -> int | None:
    """The number in "3", "03" or "3/12"; None for 0 and for "A1"."""
    found = next((match for text in texts if (match := _NUMBER.match(text))), None)
    return _in_range(int(found[1])) if found else None


def _year(texts: Iterable[str]) -> int | None:
    found = next((match for text in texts if (match := _YEAR.search(text))), None)
    return int(found[1] or found[2]) if found else None


def _mbids(texts: Iterable[str]) -> tuple[str, ...]:
    """Every MusicBrainz id, in order; a field may hold several, with any separator."""
    return tuple(mbid for text in texts for mbid in _MBID.findall(text.lower()))[:MAX_VALUES]


def _in_range(number: int | None) -> int | None:
    return number if number is not None and 1 <= number <= MAX_NUMBER else None
