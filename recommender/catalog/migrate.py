"""Creates or migrates the schema of a catalog database, and tells whether it is up to date."""

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
"""The folder beside the packages, both in a checkout and in an installed wheel."""


def config() -> Config:
    """Alembic's configuration: only the folder of the migrations; there is no ini file."""
    if not (MIGRATIONS / "env.py").is_file():
        raise CatalogError(f"the migrations are missing from {MIGRATIONS}; install Soundkin again")
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return settings


class Schema(enum.Enum):
    """State of a database's schema, compared with the schema of this code."""

    MISSING = "missing"
    """The database is empty or does not exist."""
    OLDER = "older"
    """It is migrated when it is next opened."""
    CURRENT = "current"


def state(engine: Engine) -> Schema:
    """State of the schema of a database. Nothing is changed, and no file is created.

    Raises CatalogError as :func:`upgrade`.
    """
    if is_absent(engine):
        return Schema.MISSING
    scripts = ScriptDirectory.from_config(config())
    with engine.execution_options(soundkin_reading=True).begin() as connection:
        _refuse_other_schemas(connection, scripts)
        revision = _revision(connection)
    if revision is None:
        return Schema.MISSING
    return Schema.CURRENT if revision == scripts.get_current_head() else Schema.OLDER


def upgrade(engine: Engine) -> None:
    """Create or migrate the schema, in one transaction. A database that is up to date is only read.

    Raises CatalogError for an unknown revision, and for tables that are not Soundkin's.
    """
    settings = config()
    scripts = ScriptDirectory.from_config(settings)
    with engine.execution_options(soundkin_reading=True).begin() as connection:
        if _revision(connection) == scripts.get_current_head():
            return
    with engine.begin() as connection:
        begin_writing(connection)  # two programs may open an empty database at once
        _refuse_other_schemas(connection, scripts)
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_other_schemas(connection: Connection, scripts: ScriptDirectory) -> None:
    where = describe(connection.engine)
    revision = _revision(connection)
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        raise CatalogError(
            f"{where} is at schema revision {revision!r}, which this Soundkin (at {scripts.get_current_head()!r}) does "
            "not know; use the newer Soundkin that wrote it, or another database"
        )
    foreign = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
    if revision is None and foreign:
        raise CatalogError(
            f"{where} has tables called {', '.join(foreign)} but no schema revision; "
            "they are not Soundkin's; give an empty database"
        )
