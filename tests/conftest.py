"""Fixtures for every test: a database, on SQLite and on PostgreSQL, and a catalog in it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from recommender.catalog import Catalog, migrate
from tests import postgres

settings.register_profile("shared machine", deadline=None)  # on a busy machine any example may exceed a deadline
settings.load_profile("shared machine")

# A shell starts background jobs with SIGINT ignored. Children inherit that, and tests that end a child by Ctrl-C would
# wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or changes the settings of the user who runs the tests."""
    for name in [name for name in os.environ if name.startswith("SOUNDKIN_") and "_TEST_" not in name]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL server that lives as long as the test session."""
    try:
        with postgres.server() as url:
            yield url
    except postgres.NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh and empty database; a test that asks for it runs once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'catalog.db'}"
        return
    with postgres.fresh_database(request.getfixturevalue("postgres_url")) as url:
        yield url


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    """An open, empty catalog."""
    with Catalog.open(database_url) as opened:
        yield opened


@pytest.fixture
def older_schema(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a catalog one migration behind: a migration is added that must not run, so the present schema is older."""
    Catalog.open(database_url).close()
    shutil.copytree(migrate.MIGRATIONS, tmp_path / "migrations")
    last = max(path.name[:4] for path in (tmp_path / "migrations" / "versions").glob("*.py"))
    later = f'revision = "9999"\ndown_revision = "{last}"\n\n\ndef upgrade() -> None:\n    raise OSError\n'
    (tmp_path / "migrations" / "versions" / "9999_later.py").write_text(later)
    monkeypatch.setattr(migrate, "MIGRATIONS", tmp_path / "migrations")
    return database_url
