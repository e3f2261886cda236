"""Write rows so that writing them twice changes nothing, and tell new from changed from unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Table, bindparam, select, tuple_

from recommender.catalog.rows import Changes

BATCH = 1000
"""Rows a statement. Six key columns of them stay far below what SQLite (32766) and PostgreSQL (65535) can bind."""

Item = TypeVar("Item")
Row = Mapping[str, Any]  # Any: a database value of any column
Key = tuple[Any, ...]  # Any: as above


def batches(items: Sequence[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """``items`` in runs of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def upsert(connection: Connection, table: Table, rows: Sequence[Row], *, keys: Sequence[str]) -> Changes:
    """Insert rows whose ``keys`` are unknown, update those that differ. Every row names the same columns.

    When one key occurs twice, the later row stands; the earlier one is then told by comparison with what was there.
    """
    return Changes.joined([_upsert_batch(connection, table, part, keys) for part in batches(rows)])


def _upsert_batch(connection: Connection, table: Table, rows: Sequence[Row], keys: Sequence[str]) -> Changes:
    found = _existing(connection, table, rows, keys)
    states: list[str] = []
    fresh: dict[Key, Row] = {}
    changed: dict[Key, Row] = {}
    for row in rows:
        key = tuple(row[name] for name in keys)
        old = found.get(key)
        states.append(_state(row, old))
        if old is None:
            fresh[key] = row
        elif dict(row) != old:
            changed[key] = row
    if fresh:
        connection.execute(table.insert(), [dict(row) for row in fresh.values()])
    if changed:
        _update(connection, table, list(changed.values()), keys)
    return Changes(states=tuple(states))


def _state(row: Row, old: Row | None) -> str:
    if old is None:
        return "new"
    return "unchanged" if dict(row) == old else "changed"


def _existing(connection: Connection, table: Table, rows: Sequence[Row], keys: Sequence[str]) -> dict[Key, Row]:
    wanted = list({tuple(row[name] for name in keys) for row in rows})
    columns: list[Column[Any]] = [table.c[name] for name in rows[0]]  # Any: a column of any type
    query = select(*columns).where(tuple_(*(table.c[name] for name in keys)).in_(wanted))
    found = [dict(row) for row in connection.execute(query).mappings()]
    return {tuple(row[name] for name in keys): row for row in found}


def _update(connection: Connection, table: Table, rows: Sequence[Row], keys: Sequence[str]) -> None:
    rest = [name for name in rows[0] if name not in keys]
    if not rest:
        return
    statement = table.update().values({name: bindparam(f"new_{name}") for name in rest})
    for name in keys:
        statement = statement.where(table.c[name] == bindparam(f"key_{name}"))
    given = [{**{f"new_{n}": row[n] for n in rest}, **{f"key_{n}": row[n] for n in keys}} for row in rows]
    connection.execute(statement, given)
