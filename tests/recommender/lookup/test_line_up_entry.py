"""An unknown entry of a line-up: without its wording, or several names."""

from __future__ import annotations

import pytest

from recommender.lookup import Directory
from recommender.lookup.line_up_entry import read_names
from tests.factories import MadeArtist, MadeCatalog, make_contents

NAMES = ("Ay", "Bee", "Cé", "Kramer vs. Kramer", "Tyler, The Creator", "Live")
DIRECTORY = Directory(
    make_contents(MadeCatalog(artists=tuple(MadeArtist(id=f"a{row}", name=name) for row, name in enumerate(NAMES))))
)


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        ("Ay (live)", ("Ay",)),
        ("Ay b2b Bee", ("Ay", "Bee")),
        ("Headliner: Ay B2B Nobody (live)", ("Ay", "Nobody")),
        ("Ay, Bee,Ce", ("Ay", "Bee", "Ce")),
        ("Ay (live), Bee [US]", ("Ay", "Bee")),
        ("Ay、Bee", ("Ay", "Bee")),
        ("Ay; Tyler, The Creator", ("Ay", "Tyler, The Creator")),
        ("Ay;Bee;Nobody", ("Ay", "Bee", "Nobody")),
        ("22:00\tAy", ("Ay",)),
        ("Ay\tBee", ("Ay", "Bee")),
        ('"Ay","Bee"', ("Ay", "Bee")),
        ("Ay b2b Bee, Cé", ("Ay", "Bee", "Cé")),
        ("Ay vs. Bee", ("Ay", "Bee")),
        ("Ay w/ support from Bee", ("Ay", "Bee")),
        ("Ay with special guest Nobody", ("Ay", "Nobody")),
        ("Ay + special guests: Bee, Cé", ("Ay", "Bee", "Cé")),
        ("Ay supported by Nobody", ("Ay", "Nobody")),
        ("Ay (w/ Bee)", ("Ay", "Bee")),
        ("Ay (DJ set) b2b Bee", ("Ay", "Bee")),
        ("Ay (b2b Bee)", ("Ay", "Bee")),
        ("Ay [feat. Nobody]", ("Ay", "Nobody")),
        ("Ay & Bee", ("Ay", "Bee")),
        ("Ay, Bee & Cé", ("Ay", "Bee", "Cé")),
        ("Ay, Bee, and Tyler, The Creator", ()),
        ("Ay + Bee x Cé", ("Ay", "Bee", "Cé")),
        ("22:00 Ay | 23:00 Bee", ("Ay", "Bee")),
        ("Ay & Nobody", ()),
        ("Ay & guests", ("Ay",)),
        ("Ay, Nobody", ()),
        ("Nobody b2b Somebody", ()),
        ("Nobody (live)", ()),
        ("Bee, The Creator", ()),
        ("Ay, " * 5_001, ()),
    ],
)
def test_an_unknown_entry_is_read_as_the_names_in_it(entry: str, names: tuple[str, ...]) -> None:
    assert read_names(DIRECTORY, entry) == names
