"""From a database URL to an engine, and from a driver's error to ours, without ever showing a password."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from recommender.errors import CatalogError

_BUSY_TIMEOUT_S = 300.0  # a writer waits for another: a large import is one transaction
_CONNECT_TIMEOUT_S = 10
_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})
_SECRET_KEYS = ("password", "passfile", "sslpassword", "sslkey")
_EXAMPLES = "sqlite:////absolute/path/catalog.db or postgresql://user@host/name"


def create(where: str | Path) -> Engine:
    """Engine for an SQLite file, or for the URL of an SQLite or PostgreSQL database. Nothing is connected yet.

    Raises CatalogError for a URL of any other shape; the message never repeats the URL, it may hold a password.
    """
    url = URL.create("sqlite", database=str(where)) if isinstance(where, Path) else _parse(where)
    if url.drivername in _SQLITE:
        return _create_sqlite(url)
    if url.drivername in _POSTGRESQL:
        return _create_postgresql(url)
    raise CatalogError(f"the catalog cannot live in {url.drivername!r}; give {_EXAMPLES}")


_WRITER = 0x50_0D_1C_1B  # key of the advisory lock that PostgreSQL's writers take, one after another


def begin_writing(connection: Connection) -> None:
    """Make this transaction the only one that writes, until it ends; readers go on.

    Finding or adding an artist reads and then writes: two at once would add one artist twice. SQLite's transactions
    are exclusive already (:func:`_begin_sqlite`).
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_WRITER)))


def describe(engine: Engine) -> str:
    """Where the catalog is, fit for messages: no user, no password, no query."""
    url = engine.url
    return URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database).render_as_string()


def is_absent(engine: Engine) -> bool:
    """Whether this is an SQLite file that does not exist; connecting would make it."""
    place = engine.url.database
    on_disk = engine.dialect.name == "sqlite" and place not in (None, "", ":memory:")
    return on_disk and not Path(str(place)).exists()


def explain(engine: Engine, error: SQLAlchemyError) -> CatalogError:
    """Our error for what the driver said, on one line, with every secret of the URL blotted out."""
    said = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    message = " ".join(said.split())
    for secret in _secrets(engine.url):
        message = message.replace(secret, "***")
    return CatalogError(f"{describe(engine)}: {message}; check that the database is there, reachable and writable")


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise CatalogError(f"this is not a database URL; give {_EXAMPLES}") from None
    if url.drivername in _POSTGRESQL and "@" in (url.host or ""):
        raise CatalogError("the user or password in the database URL holds '@', ':' or '/'; percent-encode it")
    return url


def _secrets(url: URL) -> list[str]:
    query = [str(url.query[key]) for key in _SECRET_KEYS if key in url.query]
    return [secret for secret in (str(url.password or ""), *query) if secret]


def _create_postgresql(url: URL) -> Engine:
    timeout = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_TIMEOUT_S}
    return create_engine(
        url.set(drivername="postgresql+psycopg"), connect_args=timeout, hide_parameters=True, pool_pre_ping=True
    )


def _create_sqlite(url: URL) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    options: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {}  # Any: create_engine takes options so
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S}, hide_parameters=True, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # sqlite3 would otherwise open transactions by itself, after the first write and never around DDL.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: a reader that turns writer half way cannot wait for another, it fails.
    reading = connection.get_execution_options().get("soundkin_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
