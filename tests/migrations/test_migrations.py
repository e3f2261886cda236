"""The migrations make exactly the tables of the catalog, and can take them away, on both databases."""

from __future__ import annotations

from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, Table, inspect

from recommender.catalog import Catalog, database, migrate
from recommender.catalog.tables import metadata


def differences(url: str, wanted: MetaData) -> list[Any]:  # Any: alembic's own tuples
    engine = database.create(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        found = compare_metadata(context, wanted)
    engine.dispose()
    return list(found)


def test_an_upgraded_database_has_exactly_the_tables_of_the_code(database_url: str) -> None:
    Catalog.open(database_url).close()
    assert differences(database_url, metadata) == []


def test_the_comparison_notices_a_missing_table_and_another_type(database_url: str) -> None:
    Catalog.open(database_url).close()
    wanted = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.tables.values():
        table.to_metadata(wanted)
    Table("extra", wanted, Column("id", Integer, primary_key=True))
    wanted.tables["artists"].c.name.type = Integer()
    kinds = {str(found[0] if isinstance(found, tuple) else found[0][0]) for found in differences(database_url, wanted)}
    assert kinds == {"add_table", "modify_type"}


def test_downgrading_to_base_leaves_no_table_and_upgrading_again_works(database_url: str) -> None:
    Catalog.open(database_url).close()
    engine = database.create(database_url)
    with engine.begin() as connection:
        settings = migrate.config()
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()
    with Catalog.open(database_url) as catalog:
        assert catalog.counts()["artists"] == 0


def test_revisions_are_numbered_and_there_is_one_head() -> None:
    scripts = ScriptDirectory.from_config(migrate.config())
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert sorted(revisions, reverse=True) == revisions
    assert all(len(revision) == 4 and revision.isdigit() for revision in revisions)
    assert len(scripts.get_heads()) == 1
