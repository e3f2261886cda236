"""The catalog: who exists, what was heard of them, who said what. The only SQL of Soundkin."""

from __future__ import annotations

from recommender.catalog.artists import Identity
from recommender.catalog.extractions import Ledger, Runs
from recommender.catalog.migrate import Schema
from recommender.catalog.read_all import Reading
from recommender.catalog.relations import Relations
from recommender.catalog.tracks import Audio


class Catalog(Identity, Audio, Ledger, Relations, Runs, Reading):
    """The catalog's one face; each base is one family of tables.

    >>> with Catalog.open("sqlite://") as catalog:
    ...     one = catalog.find_or_add_artist("Beyoncé")
    ...     one == catalog.find_or_add_artist("BEYONCE")
    True

    Every method is one transaction of its own, unless it is called inside ``with catalog.transaction():``. For several
    reads that must agree with one another there is ``with catalog.snapshot():``. One thread at a time.
    """


__all__ = ["Catalog", "Schema"]
