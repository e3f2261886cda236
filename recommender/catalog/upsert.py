"""Write rows so that writing them twice changes nothing, and tell new from changed from unchanged."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Table, bindparam, select

from recommender.catalog.rows import Changes
from recommender.errors import BadInput
from recommender.names import fold

MAX_BYTES = 2000
"""Of a name or title in UTF-8, as given and folded. PostgreSQL indexes at most 2704 bytes a row."""
MAX_EXTERNAL_ID_BYTES = 200
MAX_NAMESPACE = 32
MAX_SOURCE = 64
MAX_KIND = 32

_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff]")
_UNSTORABLE = frozenset({"Cc", "Cs"})


def clean(text: str, *, what: str, max_bytes: int = MAX_BYTES) -> str:
    """``text`` in one spelling of its own: NFC, single spaces, none at the ends. It may come out empty.

    Raises BadInput ``bad_text`` for control characters (NUL, escape sequences), lone surrogates and excess length.
    """
    if text.isascii() and text.isprintable() and len(text) <= max_bytes:
        return " ".join(text.split())  # most names: nothing to compose, nothing to refuse
    spaced = _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip()
    bad = next((char for char in spaced if unicodedata.category(char) in _UNSTORABLE), None)
    if bad is not None:
        raise BadInput("bad_text", f"the {what} holds the character U+{ord(bad):04X}; remove it")
    composed = unicodedata.normalize("NFC", spaced)
    longest = max(len(composed.encode()), len(fold(composed).encode()))
    if longest > max_bytes:
        raise BadInput("bad_text", f"the {what} is {longest} bytes long; at most {max_bytes} are kept")
    return composed


def clean_external_id(namespace: str, value: str) -> tuple[str, str]:
    """An external id in its one spelling: namespace in lower case, an MBID too. Raises BadInput ``bad_external_id``."""
    space = clean(namespace, what="namespace").lower()
    kept = clean(value, what="external id")
    if not space or len(space) > MAX_NAMESPACE:
        raise BadInput("bad_external_id", f"a namespace has 1 to {MAX_NAMESPACE} characters, not {space!r}")
    if not kept or len(kept.encode()) > MAX_EXTERNAL_ID_BYTES:
        raise BadInput("bad_external_id", f"an id in {space!r} has 1 to {MAX_EXTERNAL_ID_BYTES} bytes, not {kept!r}")
    return space, kept.lower() if space == "mbid" else kept


BATCH = 1000
"""Rows a statement. Two columns of them stay far below what SQLite (32766) and PostgreSQL (65535) can bind."""

Item = TypeVar("Item")
Row = Mapping[str, Any]  # Any: a database value of any column
Key = tuple[Any, ...]  # Any: as above


def batches(items: Sequence[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """``items`` in runs of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def upsert(
    connection: Connection, table: Table, rows: Sequence[Row], *, keys: Sequence[str], by: Sequence[str]
) -> Changes:
    """Insert rows whose ``keys`` are unknown, update those that differ. Every row names the same columns.

    ``by``: the keys by which rows are looked up, the first of an index, so that few others come along. When one key
    occurs twice, the later row stands; both are told by comparison with what was there.
    """
    parts = batches(rows)
    return Changes.joined([_upsert_batch(connection, table, part, (keys, by)) for part in parts])


def find(
    connection: Connection, columns: Sequence[Column[Any]], by: Mapping[Column[Any], Collection[Any]]
) -> list[Row]:
    """``columns`` of the rows in which each column of ``by`` has one of the values given.

    With several columns, rows of combinations that were not meant come along. ``(a, b) IN (…)`` would be exact, but
    SQLite answers it by reading the whole table.
    """
    query = select(*columns).where(*(column.in_(wanted) for column, wanted in by.items()))
    return [dict(row) for row in connection.execute(query).mappings()]


def _upsert_batch(
    connection: Connection, table: Table, rows: Sequence[Row], names: tuple[Sequence[str], Sequence[str]]
) -> Changes:
    keys, by = names
    known = find(connection, [table.c[name] for name in rows[0]], {table.c[n]: {row[n] for row in rows} for n in by})
    found = {_key(row, keys): row for row in known}
    last = {_key(row, keys): row for row in rows}
    fresh = [row for key, row in last.items() if key not in found]
    changed = [row for key, row in last.items() if key in found and row != found[key]]
    if fresh:
        connection.execute(table.insert(), [dict(row) for row in fresh])
    if changed:
        _update(connection, table, changed, keys)
    return Changes(states=tuple(_state(row, found.get(_key(row, keys))) for row in rows))


def _key(row: Row, keys: Sequence[str]) -> Key:
    return tuple(row[name] for name in keys)


def _state(row: Row, old: Row | None) -> str:
    if old is None:
        return "new"
    return "unchanged" if row == old else "changed"


def _update(connection: Connection, table: Table, rows: Sequence[Row], keys: Sequence[str]) -> None:
    rest = [name for name in rows[0] if name not in keys]
    if not rest:
        return
    statement = table.update().values({name: bindparam(f"new_{name}") for name in rest})
    for name in keys:
        statement = statement.where(table.c[name] == bindparam(f"key_{name}"))
    given = [{**{f"new_{n}": row[n] for n in rest}, **{f"key_{n}": row[n] for n in keys}} for row in rows]
    connection.execute(statement, given)
