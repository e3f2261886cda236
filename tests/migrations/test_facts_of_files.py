"""Migration 0004, and the scans after it: nothing is lost, nothing is embedded again, ids stay."""

from __future__ import annotations

from recommender.catalog import Catalog
from tests.migrations.old_catalogs import artist, joined, make_old_catalog, track


def test_titles_that_fold_alike_now_become_the_track_with_the_smaller_id(database_url: str) -> None:
    rows = joined(
        artist("a" * 32, ("Low", "low")),
        track("1" * 32, "a" * 32, "Sm\u00f8r", "sm\u00f8r"),
        track("2" * 32, "a" * 32, "Smor", "smor"),
    )
    make_old_catalog(database_url, rows)
    with Catalog.open(database_url) as catalog:
        assert [(row.id, row.title) for row in catalog.read_tracks()] == [("1" * 32, "Sm\u00f8r")]
