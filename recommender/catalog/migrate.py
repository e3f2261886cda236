"""Bring a database to the schema of this code, or say why that cannot be."""

from __future__ import annotations

import enum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from recommender.catalog.database import begin_writing, describe, is_absent
from recommender.catalog.tables import metadata
from recommender.errors import CatalogError

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
"""The folder beside the packages, in a checkout and in an installed wheel alike."""


def config() -> Config:
    """Alembic's configuration: the place of the migrations, nothing else, no ini file."""
    if not (MIGRATIONS / "env.py").is_file():
        raise CatalogError(f"the migrations are missing from {MIGRATIONS}; install Soundkin again")
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return made


class Schema(enum.Enum):
    """How a database stands to this code."""

    MISSING = "missing"
    """Nothing there yet."""
    OLDER = "older"
    """To be migrated when it is next opened."""
    CURRENT = "current"


def state(engine: Engine) -> Schema:
    """Tell how a database stands to this code, and change nothing, not even make an empty file.

    Raises CatalogError as :func:`upgrade`.
    """
    if is_absent(engine):
        return Schema.MISSING
    scripts = ScriptDirectory.from_config(config())
    with engine.execution_options(soundkin_reading=True).begin() as connection:
        _refuse_strangers(connection, scripts)
        revision = _revision(connection)
    if revision is None:
        return Schema.MISSING
    return Schema.CURRENT if revision == scripts.get_current_head() else Schema.OLDER


def upgrade(engine: Engine) -> None:
    """Create or migrate the schema, in one transaction. A database that is up to date is only read.

    Raises CatalogError for a revision this code does not know, and for tables of somebody else.
    """
    settings = config()
    scripts = ScriptDirectory.from_config(settings)
    with engine.execution_options(soundkin_reading=True).begin() as connection:
        if _revision(connection) == scripts.get_current_head():
            return
    with engine.begin() as connection:
        begin_writing(connection)  # two programs may open an empty database at once
        _refuse_strangers(connection, scripts)
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_strangers(connection: Connection, scripts: ScriptDirectory) -> None:
    where = describe(connection.engine)
    revision = _revision(connection)
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        raise CatalogError(
            f"{where} is at schema revision {revision!r}, which this Soundkin (at {scripts.get_current_head()!r}) does "
            "not know; use the newer Soundkin that wrote it, or another database"
        )
    taken = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
    if revision is None and taken:
        raise CatalogError(
            f"{where} has tables called {', '.join(taken)} but no schema revision; "
            "they are not Soundkin's: give an empty database"
        )
