"""Where things stand in a home folder (`SOUNDKIN_HOME`): the embedded catalog and the staging area of builds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.files.atomic import make_folder

if TYPE_CHECKING:  # it brings SQLAlchemy, which `doctor` does without
    from recommender.catalog import Catalog

STAGING = "staging"
"""Folder in the home in which a build is made before it is published."""
CATALOG_FILE = "catalog.db"
"""The embedded catalog, inside the home."""


def open_catalog(home: Path, database_url: str | None) -> Catalog:
    """The catalog at ``database_url``, else ``catalog.db`` in ``home``, migrated to this release."""
    from recommender.catalog import Catalog

    make_folder(home)
    return Catalog.open(database_url or home.resolve() / CATALOG_FILE)
