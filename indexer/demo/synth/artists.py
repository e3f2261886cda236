"""The invented artists of the demo catalog, with their titles, scene lists and collaborations.

As far as we know, no real artist has one of these names. Scene and collaborations are not derived from the audio: a
trap act and a pop singer share listeners, two kinds of techno need not. On purpose, one artist (``UNMAPPED``) has no
scene data and another has no collaborations, so that the demo shows how the weight of a missing signal is shared out.
"""

from __future__ import annotations

from dataclasses import dataclass

TRACKS_PER_ARTIST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedArtist:
    """An artist of the demo: one style, five titles, most specific genre first."""

    name: str
    style: str
    genres: tuple[str, ...]
    titles: tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedCollaboration:
    """Two artists on one recording of which ``credited`` artists are named."""

    artist_a: str
    artist_b: str
    kind: str
    title: str
    credited: int = 2


ARTISTS = (
    InventedArtist(
        name="Kessel Ordinal",
        style="techno",
        genres=("techno", "electronic"),
        titles=("Plant Room", "Ninth Turbine", "Shift Whistle", "Cold Rivet", "Furnace Clock"),
    ),
    InventedArtist(
        name="Paperclip Harbour",
        style="minimal_techno",
        genres=("minimal techno", "techno", "electronic"),
        titles=("Margin Note", "Two Staples", "Quiet Invoice", "Ferry Ledger", "Blank Carbon"),
    ),
    InventedArtist(
        name="Quickthorn Relay",
        style="drum_and_bass",
        genres=("drum and bass", "electronic"),
        titles=("Hedge Runner", "Signal Box Nine", "Undergrowth", "Baton Drop", "Late Points"),
    ),
    InventedArtist(
        name="Lil Theodolite",
        style="trap",
        genres=("trap", "hip hop"),
        titles=("Benchmark", "Level Ground", "Tripod Money", "Bearing South", "Contour Line"),
    ),
    InventedArtist(
        name="Juno Applecart",
        style="vocal_pop",
        genres=("pop", "synth pop"),
        titles=(
            "Two Left Umbrellas",
            "Postcode of Your Heart",
            "Almost Thursday",
            "Window Seat Weather",
            "Spare Key Waltz",
        ),
    ),
    InventedArtist(
        name="Slow Isobar",
        style="ambient",
        genres=("ambient", "electronic"),
        titles=("Pressure Falling", "Warm Front at Night", "Six Fathoms of Fog", "Barograph", "Lee Wave"),
    ),
    InventedArtist(
        name="Hettie Larkhollow",
        style="folk",
        genres=("folk", "singer songwriter"),
        titles=("Gatepost", "The Miller Has a Motorcar", "Damson Jam", "Long Acre", "Oilcloth and Wool"),
    ),
    InventedArtist(
        name="Ostrava Teapot Trio",
        style="jazz_trio",
        genres=("jazz", "swing"),
        titles=("Lid On", "Second Steep", "Tram to the Foundry", "Sugar Tongs", "Blue Enamel"),
    ),
)

UNMAPPED = "Paperclip Harbour"
"""The artist without scene data: it has no list, and is in no list of another artist."""

SCENE: dict[str, tuple[tuple[str, float], ...]] = {
    "Kessel Ordinal": (("Quickthorn Relay", 8.7), ("Glass Forklift", 6.2), ("Slow Isobar", 4.4)),
    "Quickthorn Relay": (("Kessel Ordinal", 8.1), ("Glass Forklift", 7.3), ("Lil Theodolite", 5.0)),
    "Lil Theodolite": (("Juno Applecart", 9.3), ("Quickthorn Relay", 5.6)),
    "Juno Applecart": (("Lil Theodolite", 8.8), ("Hettie Larkhollow", 6.9), ("Nettle Parade", 3.1)),
    "Slow Isobar": (("Ostrava Teapot Trio", 5.9), ("Kessel Ordinal", 4.8), ("Glass Forklift", 2.5)),
    "Hettie Larkhollow": (("Nettle Parade", 9.0), ("Ostrava Teapot Trio", 6.4), ("Juno Applecart", 6.0)),
    "Ostrava Teapot Trio": (("Hettie Larkhollow", 7.2), ("Slow Isobar", 5.5), ("Nettle Parade", 4.9)),
}
"""Artist -> (neighbour, strength), nearest first; two neighbours are not in the catalog."""

COLLABORATIONS = (
    InventedCollaboration(artist_a="Kessel Ordinal", artist_b="Paperclip Harbour", kind="joint", title="Overtime"),
    InventedCollaboration(
        artist_a="Kessel Ordinal",
        artist_b="Quickthorn Relay",
        kind="remix",
        title="Ninth Turbine (Quickthorn Relay Remix)",
    ),
    InventedCollaboration(artist_a="Quickthorn Relay", artist_b="Lil Theodolite", kind="featured", title="Baton Drop"),
    InventedCollaboration(
        artist_a="Juno Applecart", artist_b="Lil Theodolite", kind="featured", title="Almost Thursday"
    ),
    InventedCollaboration(
        artist_a="Juno Applecart", artist_b="Hettie Larkhollow", kind="joint", title="Boats for Winter", credited=3
    ),
    InventedCollaboration(
        artist_a="Juno Applecart", artist_b="Ostrava Teapot Trio", kind="joint", title="Boats for Winter", credited=3
    ),
    InventedCollaboration(
        artist_a="Hettie Larkhollow", artist_b="Ostrava Teapot Trio", kind="joint", title="Boats for Winter", credited=3
    ),
)
