"""Inserts or updates rows so that writing them twice changes nothing, and reports new, changed and unchanged rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Table, bindparam, select

from recommender.catalog.rows import Changes
from recommender.errors import BadInput
from recommender.names import clean

MAX_EXTERNAL_ID_BYTES = 200
MAX_NAMESPACE = 32
"""Characters, as in the columns of tables.py; the same of a source and of a kind of collaboration."""
MAX_SOURCE = 64
MAX_KIND = 32


def clean_external_id(namespace: str, value: str) -> tuple[str, str]:
    """An external id in one normal form: the namespace in lower case, and the value too when it is an MBID.

    Raises BadInput ``bad_external_id`` or ``bad_text``.
    """
    namespace = clean(namespace, what="namespace").lower()
    value = clean(value, what="external id")
    if not namespace or len(namespace) > MAX_NAMESPACE:
        raise BadInput("bad_external_id", f"a namespace has 1 to {MAX_NAMESPACE} characters, not {namespace!r}")
    if not value or len(value.encode()) > MAX_EXTERNAL_ID_BYTES:
        problem = f"an id in {namespace!r} has 1 to {MAX_EXTERNAL_ID_BYTES} bytes, not {value!r}"
        raise BadInput("bad_external_id", problem)
    return namespace, value.lower() if namespace == "mbid" else value


BATCH = 1000
"""Rows of one statement. Two columns of them stay far below what SQLite (32766) and PostgreSQL (65535) can bind."""

Item = TypeVar("Item")
Row = Mapping[str, Any]  # Any: a database value of any column
Key = tuple[Any, ...]  # Any: as above


def batches(items: Sequence[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """``items`` in consecutive parts of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def upsert(
    connection: Connection, table: Table, rows: Sequence[Row], *, keys: Sequence[str], by: Sequence[str]
) -> Changes:
    """Insert the rows whose ``keys`` are new, and update those that differ. All rows have the same columns.

    ``by`` are the key columns with which existing rows are looked up: the first columns of an index, so that the query
    is fast and returns few other rows. When a key occurs twice in ``rows`` the later row is stored; the reported states
    of both compare them with the table before the write.
    """
    parts = batches(rows)
    return Changes.joined([_upsert_batch(connection, table, part, (keys, by)) for part in parts])


def find(
    connection: Connection, columns: Sequence[Column[Any]], by: Mapping[Column[Any], Collection[Any]]
) -> list[Row]:
    """``columns`` of the rows in which each column of ``by`` has one of its given values.

    With several columns the result also has rows of combinations that were not asked for. ``(a, b) IN (…)`` would be
    exact, but SQLite reads the whole table for it.
    """
    query = select(*columns).where(*(column.in_(values) for column, values in by.items()))
    return [dict(row) for row in connection.execute(query).mappings()]


def update(connection: Connection, table: Table, rows: Sequence[Row], *, keys: Sequence[str]) -> None:
    """Set the other columns of the rows that have these ``keys``: one statement for all, not one for each row."""
    rest = [name for name in rows[0] if name not in keys] if rows else []
    if not rest:
        return
    statement = table.update().values({name: bindparam(f"new_{name}") for name in rest})
    for name in keys:
        statement = statement.where(table.c[name] == bindparam(f"key_{name}"))
    values = [{**{f"new_{n}": row[n] for n in rest}, **{f"key_{n}": row[n] for n in keys}} for row in rows]
    connection.execute(statement, values)


def delete_rows(connection: Connection, table: Table, rows: Sequence[Row], *, keys: Sequence[str]) -> None:
    """Delete the rows that have these ``keys``; other columns of ``rows`` are not looked at."""
    if not rows:
        return
    statement = table.delete()
    for name in keys:
        statement = statement.where(table.c[name] == bindparam(f"key_{name}"))
    connection.execute(statement, [{f"key_{name}": row[name] for name in keys} for row in rows])


def _upsert_batch(
    connection: Connection, table: Table, rows: Sequence[Row], names: tuple[Sequence[str], Sequence[str]]
) -> Changes:
    keys, by = names
    rows_there = find(
        connection, [table.c[name] for name in rows[0]], {table.c[n]: {row[n] for row in rows} for n in by}
    )
    stored = {_key(row, keys): row for row in rows_there}
    last = {_key(row, keys): row for row in rows}
    new = [row for key, row in last.items() if key not in stored]
    changed = [row for key, row in last.items() if key in stored and row != stored[key]]
    if new:
        connection.execute(table.insert(), [dict(row) for row in new])
    update(connection, table, changed, keys=keys)
    return Changes(states=tuple(_state(row, stored.get(_key(row, keys))) for row in rows))


def _key(row: Row, keys: Sequence[str]) -> Key:
    return tuple(row[name] for name in keys)


def _state(row: Row, old: Row | None) -> str:
    if old is None:
        return "new"
    return "unchanged" if row == old else "changed"
