"""The catalog database: artists, tracks, clips, and what each source says about them. The only folder with SQL."""

from __future__ import annotations

from recommender.catalog.artists import Artists
from recommender.catalog.edits import Edits
from recommender.catalog.extractions import Extractions, History
from recommender.catalog.facts_of_files import Derived
from recommender.catalog.files import Files
from recommender.catalog.migrate import Schema
from recommender.catalog.read_all import Tables
from recommender.catalog.relations import Relations
from recommender.catalog.tracks import Tracks


class Catalog(Artists, Tracks, Files, Derived, Edits, Extractions, Relations, History, Tables):
    """An open catalog database. Each base class has the methods of one group of tables.

    >>> from recommender.catalog.rows import ArtistRef
    >>> with Catalog.open("sqlite://") as catalog:
    ...     one, other = catalog.find_or_add_artists([ArtistRef(name="Beyoncé"), ArtistRef(name="BEYONCE")])
    >>> one.artist_id == other.artist_id, other.is_new
    (True, False)

    Every method is one transaction, unless it is called inside ``with catalog.transaction():``. Use
    ``with catalog.snapshot():`` around several reads that must agree with one another. One thread at a time.
    """


__all__ = ["Catalog", "Schema"]
