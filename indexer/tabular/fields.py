"""Reads typed values from a row: text, numbers, genres, artists. A value that cannot be used raises BadInput."""

from __future__ import annotations

import json
import math
import re

from indexer.tabular.records import Record
from recommender.catalog.rows import ArtistRef
from recommender.errors import BadInput
from recommender.genres import MAX_GENRE_BYTES, cut_genres, split_genres
from recommender.names import NAMESPACES, clean

ID_COLUMNS = {"musicbrainz": "mbid", "musicbrainz_id": "mbid", "musicbrainz_artist_id": "mbid"} | {
    f"{namespace}{ending}": namespace
    for namespace in (
        *NAMESPACES, "allmusic", "apple_music", "bandcamp", "bandsintown", "beatport", "genius", "isni", "itunes",
        "jambase", "lastfm", "qobuz", "resident_advisor", "setlistfm", "songkick", "soundcloud", "ticketmaster",
        "tidal", "wikidata", "youtube",
    )
    for ending in ("", "_id")
}  # fmt: skip
"""Columns of a list of artists with their ids -> namespace. Not every ``…_id``: two artists of one ``country_id`` would
be taken for one artist."""

_ID_AS_NAME = re.compile(rf"({'|'.join(NAMESPACES)}):(\S+)")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?")
_COMMA_GROUPS = re.compile(r"[1-9]\d{0,2}(,\d{3})+", re.ASCII)
_POINT_GROUPS = re.compile(r"[1-9]\d{0,2}(\.\d{3}){2,}", re.ASCII)
_SPACE_GROUPS = re.compile(r"[1-9]\d{0,2}([ \u00a0\u202f'’]\d{3})+", re.ASCII)
_NOT_KNOWN = frozenset({"n/a", "na", "#n/a", "-", "\u2013", "\u2014", "?", "none", "null", "unknown"})
"""Cells of a count that say that it is not known, as people and spreadsheets write them."""
_MAX_INTEGER = 2**31 - 1


def text(record: Record, *columns: str) -> str | None:
    """The first of these columns that is given, as clean text; a JSON whole number (a band called 311) is accepted.

    Raises BadInput ``bad_type`` or ``bad_text``.
    """
    value = next((record.fields[column] for column in columns if column in record.fields), None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadInput("bad_type", f"{columns[0]} must be text, not {type(value).__name__}")
    return clean(str(value), what=columns[0]) or None


def number(record: Record, *columns: str) -> float | None:
    """The first of these columns that is given, as a finite number of at least 0. Raises BadInput ``bad_number``.

    A decimal comma is read where it cannot separate thousands, as in "1,5"; where semicolons separate the columns
    always, and points between thousands before it.
    """
    given = text_or_number(record, *columns)
    if given is None:
        return None
    if isinstance(given, str) and _has_decimal_comma(given.strip(), certain=record.decimal_comma):
        given = given.replace(".", "").replace(",", ".")
    try:
        value = float(given)
    except (ValueError, OverflowError):
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise BadInput("bad_number", f"{columns[0]} must be a finite number of at least 0, not {_short(given)}")
    return value


def _has_decimal_comma(digits: str, *, certain: bool) -> bool:
    return _DECIMAL_COMMA.fullmatch(digits) is not None and (certain or _COMMA_GROUPS.fullmatch(digits) is None)


def count(record: Record, *columns: str) -> float | None:
    """As :func:`number`, and thousands may be separated: ``1,234,567``, ``1 234 567``, ``1'234'567``.

    Where semicolons separate the columns, ``1.234.567``; but ``1.234`` may be either number and is refused. A cell such
    as ``n/a`` gives none.
    """
    given = text_or_number(record, *columns)
    if not isinstance(given, str):
        return number(record, *columns)
    digits = given.strip()
    if digits.casefold() in _NOT_KNOWN:
        return None
    if record.decimal_comma and re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", digits):
        detail = f"{columns[0]} {_short(given)} may mean thousands or a fraction; leave out the point"
        raise BadInput("bad_number", detail)
    grouped = _POINT_GROUPS if record.decimal_comma else _COMMA_GROUPS
    if grouped.fullmatch(digits) or _SPACE_GROUPS.fullmatch(digits):
        return float(re.sub(r"\D", "", digits))
    return number(record, *columns)


def integer(record: Record, *columns: str, minimum: int) -> int | None:
    """The first of these columns that is given, as a whole number from ``minimum`` to 2**31 - 1.

    Raises BadInput ``bad_number``.
    """
    value = number(record, *columns)
    if value is None:
        return None
    if not (value.is_integer() and minimum <= value <= _MAX_INTEGER):
        raise BadInput("bad_number", f"{columns[0]} must be a whole number of at least {minimum}, not {value:g}")
    return int(value)


def text_or_number(record: Record, *columns: str) -> str | int | float | None:
    """The first of these columns that is given, unchanged. Raises BadInput ``bad_type`` for anything else."""
    value = next((record.fields[column] for column in columns if column in record.fields), None)
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float)):
        raise BadInput("bad_type", f"{columns[0]} must be a number, not {type(value).__name__}")
    return value


def genres(record: Record, *columns: str) -> tuple[str, ...] | None:
    """Folded genres of these columns together, by :func:`recommender.genres.split_genres`; None when none is given.

    A cell is text with one genre or several, or a JSON list. Raises BadInput ``bad_type``, ``bad_json`` or
    ``bad_text``.
    """
    given = [record.fields[column] for column in columns if column in record.fields]
    if not given:
        return None
    parts = [part for value in given for text in _texts(value) for part in cut_genres(text)]
    return split_genres([clean(part, what="genre", max_bytes=MAX_GENRE_BYTES) for part in parts])


def artist(record: Record, *columns: str, prefixes: tuple[str, ...], any_id: bool = False) -> ArtistRef:
    """The artist of a row: its name (or ``mbid:…``) in one of ``columns``, its ids in ``{prefix}mbid`` and similar.

    Ids of a namespace outside :data:`NAMESPACES` are in ``{prefix}external_id:NAMESPACE``; with ``any_id`` also in the
    columns of :data:`ID_COLUMNS`. Raises BadInput ``no_artist`` when the row has neither name nor id.
    """
    name = text(record, *columns) or ""
    ids = [pair for prefix in prefixes for pair in _external_ids(record, prefix, any_id=any_id)]
    as_name = _ID_AS_NAME.fullmatch(name)
    if as_name:
        ids, name = [(as_name[1], as_name[2]), *ids], ""
    if not name and not ids:
        raise BadInput("no_artist", f"{columns[0]!r} is empty or missing; name the artist")
    return ArtistRef(name=name, external_ids=tuple(dict.fromkeys(ids)))


def _external_ids(record: Record, prefix: str, *, any_id: bool) -> list[tuple[str, str]]:
    general = f"{prefix}external_id:"
    columns = {prefix + namespace: namespace for namespace in NAMESPACES}
    columns |= {prefix + name: namespace for name, namespace in ID_COLUMNS.items() if any_id}
    columns |= {key: key.removeprefix(general) for key in record.fields if key.startswith(general)}
    given = [(namespace, text(record, column)) for column, namespace in columns.items() if column in record.fields]
    return [(namespace, value) for namespace, value in given if value]


def _texts(value: object) -> list[str]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _listed(value)
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return value
    raise BadInput("bad_type", "genres must be text, or a list of texts")


def _listed(value: str) -> object:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise BadInput("bad_json", f"genres look like a JSON list, but cannot be read: {error}") from error


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
