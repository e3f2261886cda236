"""Opening a catalog: empty, older, newer, somebody else's, unreachable; and what messages give away."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from recommender.catalog import Catalog, Schema
from recommender.errors import CatalogError
from tests.catalog_rows import add_artist


def execute(url: str, *statements: str) -> None:
    parsed = make_url(url)
    engine = create_engine(parsed.set(drivername="postgresql+psycopg") if "postgres" in url else parsed)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_what_was_written_is_there_when_opened_again(database_url: str) -> None:
    with Catalog.open(database_url) as catalog:
        artist_id = add_artist(catalog, "Low")
    with Catalog.open(database_url) as catalog:
        assert [artist.id for artist in catalog.read_artists()] == [artist_id]


def test_a_newer_catalog_is_refused_with_both_revisions_and_left_alone(database_url: str) -> None:
    Catalog.open(database_url).close()
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogError, match=r"'9999'.*'0\d{3}'.*newer Soundkin"):
        Catalog.open(database_url)


def test_tables_of_somebody_else_are_refused(database_url: str) -> None:
    execute(database_url, "CREATE TABLE artists (id INTEGER)")
    with pytest.raises(CatalogError, match=r"tables called artists.*empty database"):
        Catalog.open(database_url)


def test_two_programs_may_open_an_empty_database_at_once(database_url: str) -> None:
    problems: list[Exception] = []

    def open_it() -> None:
        try:
            Catalog.open(database_url).close()
        except CatalogError as error:
            problems.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with Catalog.open(database_url) as catalog:
        assert catalog.counts()["artists"] == 0


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@127.0.0.1:1/music",
        "postgres://me:s3cret@127.0.0.1:1/music",
        "postgresql://me@127.0.0.1:1/music?password=s3cret",
        "postgresql://me:s3cret@127.0.0.1:port/music",
        "postgresql://me:p@s3cret@127.0.0.1:1/music",
        "postgresql://me:s3cret/x@127.0.0.1:1/music",
        "mysql://me:s3cret@127.0.0.1/music",
        "s3cret",
    ],
)
def test_no_message_holds_the_password(url: str) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog.open(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None or "s3cret" not in str(caught.value.__cause__)


def test_a_missing_folder_and_a_file_that_is_no_database_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="reachable and writable"):
        Catalog.open(f"sqlite:///{tmp_path}/missing/catalog.db")
    (tmp_path / "text.db").write_text("not a database, but long enough to have a header of one hundred bytes " * 3)
    with pytest.raises(CatalogError, match="not a database"):
        Catalog.open(f"sqlite:///{tmp_path}/text.db")


def test_sqlite_keeps_foreign_keys_and_lets_readers_read_while_it_is_written(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalog.db"
    with Catalog.open(url) as writer, Catalog.open(url) as reader:
        with pytest.raises(CatalogError, match="FOREIGN KEY"):
            writer.find_or_add_track("no such artist", "Song")
        with writer.transaction():
            add_artist(writer, "Low")
            assert reader.read_artists() == []
        assert [artist.name for artist in reader.read_artists()] == ["Low"]


def test_a_transaction_that_fails_leaves_nothing(catalog: Catalog) -> None:
    def fail_half_way() -> None:
        with catalog.transaction():
            add_artist(catalog, "Low")
            with catalog.transaction():
                add_artist(catalog, "Mono")
            raise KeyError("half way")

    with pytest.raises(KeyError, match="half way"):
        fail_half_way()
    assert catalog.read_artists() == []


def test_a_snapshot_does_not_see_what_is_written_meanwhile(database_url: str) -> None:
    with Catalog.open(database_url) as reader, Catalog.open(database_url) as writer:
        with reader.snapshot():
            before = reader.read_artists()
            add_artist(writer, "Low")
            assert reader.read_artists() == before == []
        assert len(reader.read_artists()) == 1


def test_looking_at_the_schema_changes_nothing(database_url: str) -> None:
    assert Catalog.schema(database_url) is Schema.MISSING
    assert Catalog.schema(database_url) is Schema.MISSING
    Catalog.open(database_url).close()
    assert Catalog.schema(database_url) is Schema.CURRENT
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogError, match="newer Soundkin"):
        Catalog.schema(database_url)


def test_an_older_schema_is_told_and_not_migrated(older_schema: str) -> None:
    assert Catalog.schema(older_schema) is Schema.OLDER


def test_looking_for_a_database_does_not_make_a_file(tmp_path: Path) -> None:
    assert Catalog.schema(tmp_path / "none.db") is Schema.MISSING
    assert list(tmp_path.iterdir()) == []
