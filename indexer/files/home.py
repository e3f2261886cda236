"""Names in a home folder (`SOUNDKIN_HOME`): the catalog file and the staging area of builds; opens the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.files.atomic import make_folder

if TYPE_CHECKING:  # it imports SQLAlchemy, which may not be installed where `doctor` runs
    from recommender.catalog import Catalog

STAGING = "staging"
"""Folder of the home in which a generation is built before it is published."""
CATALOG_FILE = "catalog.db"
"""The SQLite catalog, in the home."""


def open_catalog(home: Path, database_url: str | None) -> Catalog:
    """Open the catalog at ``database_url``, else ``catalog.db`` in ``home``, and migrate it to this release."""
    from recommender.catalog import Catalog

    make_folder(home)
    return Catalog.open(database_url or home.resolve() / CATALOG_FILE)
