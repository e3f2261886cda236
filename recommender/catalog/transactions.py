"""The open catalog database: opening, closing, and the transactions in which all reads and writes run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from recommender.catalog import database, migrate
from recommender.catalog.migrate import Schema
from recommender.errors import CatalogError


class OpenDatabase:
    """An open catalog database. Open it with :meth:`open`; close it with :meth:`close` or a ``with`` block."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    @classmethod
    def open(cls, where: str | Path) -> Self:
        """Open the catalog in an SQLite file, or at ``sqlite:///…`` or ``postgresql://…``, and migrate its schema.

        Raises CatalogError when the database cannot be reached, is not a catalog, or has a newer schema.
        """
        engine = database.create(where)
        try:
            migrate.upgrade(engine)
        except SQLAlchemyError as error:
            engine.dispose()
            raise database.explain(engine, error) from None
        except CatalogError:
            engine.dispose()
            raise
        return cls(engine)

    @staticmethod
    def schema(where: str | Path) -> Schema:
        """State of the schema of the database at ``where``. Nothing is changed or created.

        Raises CatalogError as :meth:`open`.
        """
        engine = database.create(where)
        try:
            return migrate.state(engine)
        except SQLAlchemyError as error:
            raise database.explain(engine, error) from None
        finally:
            engine.dispose()

    def close(self) -> None:
        """Close all connections. The catalog cannot be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes of the block, or none. A transaction inside a transaction is part of the outer one."""
        with self._writing():
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of the block see the catalog at one moment, despite writes meanwhile. Do not write in it."""
        with self._reading():
            yield

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._connection is not None:
            yield self._connection
            return
        with self._connected(self._engine) as connection:
            database.begin_writing(connection)
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._connection is not None:
            yield self._connection
            return
        options: dict[str, str | bool] = {"soundkin_reading": True}  # for SQLite: see database._begin_sqlite
        if self._engine.dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        with self._connected(self._engine.execution_options(**options)) as connection:
            yield connection

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                self._connection = connection
                yield connection
        except SQLAlchemyError as error:
            raise database.explain(self._engine, error) from None
        finally:
            self._connection = None
