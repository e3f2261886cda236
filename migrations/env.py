"""Runs the migrations for alembic: on the connection that Soundkin passes, or at ``alembic -x url=…``."""

from __future__ import annotations

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection

from recommender.catalog import database
from recommender.catalog.tables import metadata


def _run(connection: Connection) -> None:
    # Server defaults are not compared: an empty string differs from itself on SQLite.
    context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=False)
    with context.begin_transaction():
        context.run_migrations()


def _run_at_url() -> None:
    url = context.get_x_argument(as_dictionary=True).get("url")
    if not isinstance(url, str):
        raise CommandError("no database is given; run alembic -x url=sqlite:////absolute/path/catalog.db …")
    engine = database.create(url)
    with engine.begin() as connection:
        _run(connection)
    engine.dispose()


connection_of_caller = context.config.attributes.get("connection")
if connection_of_caller is None:
    _run_at_url()
else:
    _run(connection_of_caller)
