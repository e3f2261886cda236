"""Names of columns: different spellings of a header become one, and common other names lead to the documented ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

OTHER_NAMES: Mapping[str, Sequence[str]] = {
    "artist": ("artist_name", "artists", "band", "band_name", "act", "performer"),
    "artist_a": ("artist_1",),
    "artist_b": ("artist_2",),
    "similar": ("similar_artist", "similar_to", "related", "related_artist", "neighbour", "neighbor"),
    "strength": ("relationship_strength", "similarity"),
    "tag": ("tags", "style", "styles"),
    "file": ("path", "file_path", "file_name"),
    "title": ("track_title", "track_name", "song", "song_title"),
    "album": ("album_title", "album_name"),
}
"""Documented column -> names that mean it where the file has no column of that name; underscores do not matter."""

_PLURAL = re.compile(r"\(s\)")
_GAP = re.compile(r"[\s_\-]+")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff]")


@lru_cache(maxsize=1024)
def normal_name(name: str) -> str:
    """A column name in one spelling. What follows a colon, the namespace of an id, keeps its hyphens.

    >>> [normal_name(name) for name in ("Artist Name", "ARTIST", "Genre(s)", "External_ID: my-db")]
    ['artist_name', 'artist', 'genre', 'external_id:my-db']
    """
    kind, colon, namespace = _INVISIBLE.sub("", name).lower().partition(":")
    return _GAP.sub("_", _PLURAL.sub("", kind).strip()).strip("_") + colon + namespace.strip()


def documented(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Documented columns that are missing in ``names`` (normal spelling) -> the columns of ``names`` that mean them.

    >>> documented(["artist_name", "tags", "title"])
    {'artist': ('artist_name',), 'tag': ('tags',)}
    """
    present = {name.replace("_", ""): name for name in reversed(list(names))}
    taken = set(present.values())
    meant = {
        column: tuple(present[key] for key in (other.replace("_", "") for other in others) if key in present)
        for column, others in OTHER_NAMES.items()
        if column not in taken
    }
    return {column: sources for column, sources in meant.items() if sources}
