"""Connects to SQLite or PostgreSQL by URL, and turns driver errors into CatalogError without showing a password."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from recommender.errors import CatalogError

_BUSY_TIMEOUT_S = 300.0
"""How long a writer of SQLite waits for another writer. A large import is one transaction."""
_CONNECT_TIMEOUT_S = 10
_WRITER_LOCK = 0x50_0D_1C_1B
"""Key of the PostgreSQL advisory lock that every writer takes."""
_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})
_SECRET_KEYS = ("password", "passfile", "sslpassword", "sslkey")
_EXAMPLES = "sqlite:////absolute/path/catalog.db or postgresql://user@host/name"


def create(where: str | Path) -> Engine:
    """Engine for an SQLite file, or for the URL of an SQLite or PostgreSQL database. It is not connected yet.

    Raises CatalogError for any other URL. The message never repeats the URL, which may have a password.
    """
    url = URL.create("sqlite", database=str(where)) if isinstance(where, Path) else _parse(where)
    if url.drivername in _SQLITE:
        return _create_sqlite(url)
    if url.drivername in _POSTGRESQL:
        return _create_postgresql(url)
    raise CatalogError(f"the catalog cannot be in a {url.drivername!r} database; give {_EXAMPLES}")


def begin_writing(connection: Connection) -> None:
    """Make this transaction the only writing one until it ends. Readers are not blocked.

    Finding or adding an artist first reads and then writes, so that two writers at once would add one artist twice.
    SQLite's write transactions exclude one another already (:func:`_begin_sqlite`).
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_WRITER_LOCK)))


def describe(engine: Engine) -> str:
    """Where the catalog is, for messages: the URL without user, password and query."""
    url = engine.url
    return URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database).render_as_string()


def is_absent(engine: Engine) -> bool:
    """Whether this is an SQLite file that does not exist. Connecting would create it."""
    file = engine.url.database
    on_disk = engine.dialect.name == "sqlite" and file not in (None, "", ":memory:")
    return on_disk and not Path(str(file)).exists()


def explain(engine: Engine, error: SQLAlchemyError) -> CatalogError:
    """A CatalogError with the driver's message on one line, in which every secret of the URL is replaced by ***."""
    original = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    message = " ".join(original.split())
    for secret in _secrets(engine.url):
        message = message.replace(secret, "***")
    return CatalogError(f"{describe(engine)}: {message}; check that the database is there, reachable and writable")


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise CatalogError(f"this is not a database URL; give {_EXAMPLES}") from None
    if url.drivername in _POSTGRESQL and "@" in (url.host or ""):
        raise CatalogError("the user or password in the database URL contains '@', ':' or '/'; percent-encode it")
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
    options: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {}  # Any: options of create_engine
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S}, hide_parameters=True, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Python's sqlite3 would otherwise begin transactions by itself: only at the first write, and never for DDL.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at its beginning: SQLite lets no transaction that has read wait for the write lock; it
    # fails at once.
    reading = connection.get_execution_options().get("soundkin_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
