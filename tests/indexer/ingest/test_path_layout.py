"""What paths say without tags, what they leave open, and layouts of the operator."""

from __future__ import annotations

import pytest

from indexer.ingest.path_layout import PathFacts, parse_layout, read_path, title_from_path
from recommender.errors import InvalidArgument


def facts(artist: str | None, title: str, album: str | None = None, **numbers: int) -> PathFacts:
    return PathFacts(artist=artist, title=title, album=album, **numbers)


PATHS = {
    "Mono/Ashes": facts("Mono", "Ashes"),
    "Mono/Ashes - Live": facts("Mono", "Ashes - Live"),
    "Mono/Mono - Ashes": facts("Mono", "Ashes"),
    "Mono/01 - Ashes": facts("Mono", "Ashes", number=1),
    "Mono/01 Ashes": facts("Mono", "Ashes", number=1),
    "Mono/99 Luftballons": facts("Mono", "99 Luftballons"),
    "Mono/1979": facts("Mono", "1979"),
    "Mono - Ashes": facts("Mono", "Ashes"),
    "Mono – Ashes": facts("Mono", "Ashes"),
    "Mono_-_Ashes_Fall": facts("Mono", "Ashes Fall"),
    "01 - Mono - Ashes": facts("Mono", "Ashes", number=1),
    "01 - Numbered": facts(None, "Numbered", number=1),
    "A1 - Ashes": facts(None, "A1 - Ashes"),
    "50 Cent - In da Club": facts("50 Cent", "In da Club"),
    "nobody": facts(None, "nobody"),
    "deep/er/Low - Words - Live": facts("Low", "Words - Live"),
    "a/b/c": facts(None, "c"),
    "a/b/c/d/e/Low - Words": facts("Low", "Words"),
    "a/b/c/d/e/01 Words": facts(None, "Words", number=1),
    "Low/Long Division/03 - Shame": facts("Low", "Shame", "Long Division", number=3),
    "Low/Long Division/03. Shame": facts("Low", "Shame", "Long Division", number=3),
    "Low/Long Division/03.Shame": facts("Low", "Shame", "Long Division", number=3),
    "Low/Long Division/03 Shame": facts("Low", "Shame", "Long Division", number=3),
    "Low/Long Division/12 Shame": facts("Low", "Shame", "Long Division", number=12),
    "Low/Long Division/03_Shame": facts("Low", "Shame", "Long Division", number=3),
    "Low/Long Division/3) Shame": facts("Low", "Shame", "Long Division", number=3),
    "Low/Long Division/2-03 Shame": facts("Low", "Shame", "Long Division", disc=2, number=3),
    "Low/Long Division/2-03 - Shame": facts("Low", "Shame", "Long Division", disc=2, number=3),
    "Low/Long Division/03 - Low - Shame": facts("Low", "Shame", "Long Division", number=3),
    "Low/Long Division/Low - Shame": facts("Low", "Shame", "Long Division"),
    "Low/Long Division/Shame": facts(None, "Shame"),
    "Low/Long Division/CD 2/03 Shame": facts("Low", "Shame", "Long Division", disc=2, number=3),
    "Low/Long Division/CD2/Shame": facts("Low", "Shame", "Long Division", disc=2),
    "Low/Long Division/Disc 1/03 - Shame": facts("Low", "Shame", "Long Division", disc=1, number=3),
    "Low/Long Division (CD 2)/03 - Shame": facts("Low", "Shame", "Long Division", disc=2, number=3),
    "Low/Long Division CD2/03 - Shame": facts("Low", "Shame", "Long Division", disc=2, number=3),
    "Low/(1995) Long Division/03 - Shame": facts("Low", "Shame", "Long Division", number=3, year=1995),
    "Low/1995 - Long Division/03 - Shame": facts("Low", "Shame", "Long Division", number=3, year=1995),
    "Low/Long Division (1995)/03 - Shame": facts("Low", "Shame", "Long Division", number=3, year=1995),
    "Low/[1995] Long Division/CD 1/03 Shame": facts("Low", "Shame", "Long Division", disc=1, number=3, year=1995),
    "Prince/1999/03 - Delirious": facts("Prince", "Delirious", "1999", number=3),
    "Low - Long Division/03 - Shame": facts("Low", "Shame", "Long Division", number=3),
    "Low - Long Division (1995)/03 - Shame": facts("Low", "Shame", "Long Division", number=3, year=1995),
    "Various Artists/Mono - Ashes": facts("Mono", "Ashes"),
    "Various Artists/07 Mono - Ashes": facts("Mono", "Ashes", number=7),
    "VA/07 - Mono - Ashes": facts("Mono", "Ashes", number=7),
    "Compilations/Ashes": facts(None, "Ashes"),
    "Music/Mono - Ashes": facts("Mono", "Ashes"),
    "Various Artists/Hits 2009/07 - Mono - Ashes": facts("Mono", "Ashes", number=7),
    "Various Artists/Hits 2009/07 - Ashes": facts(None, "Ashes", number=7),
    "Unknown Artist/Unknown Album/03 - Shame": facts(None, "Shame", number=3),
    "Unknown Artist - Shame": facts(None, "Shame"),
    "CD 1/03 - Shame": facts(None, "Shame", disc=1, number=3),
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_are_read(path: str) -> None:
    assert read_path(f"{path}.flac") == PATHS[path]


@pytest.mark.parametrize(
    ("layout", "path", "expected"),
    [
        (
            "{artist}/{album}/{number} - {title}",
            "Low/Hope/3 - Cut - Live.mp3",
            facts("Low", "Cut - Live", "Hope", number=3),
        ),
        ("{any}/{artist}/{year} {album}/{title}", "Rock/Low/1994 Hope/Cut.mp3", facts("Low", "Cut", "Hope", year=1994)),
        ("{any}/{artist}/{title}", "Label/Low/Cut.mp3", facts("Low", "Cut")),
        ("{artist} - {album}/{disc}{title}", "", None),
        ("[{artist}] {title}", "[Low] Cut.mp3", facts("Low", "Cut")),
        ("{artist} – {title}", "Low - Cut.mp3", facts("Low", "Cut")),
        ("{title} by {artist}", "Cut by Low.mp3", facts("Low", "Cut")),
        ("{artist}/{number} - {title}", "Low/Cut.mp3", facts("Low", "Cut")),
        ("{artist}/{title}", "Various Artists/Cut.mp3", facts(None, "Cut")),
    ],
)
def test_layouts_of_the_operator_come_first(layout: str, path: str, expected: PathFacts | None) -> None:
    if expected is None:
        with pytest.raises(InvalidArgument, match="needs text between"):
            parse_layout(layout)
    else:
        assert read_path(path, [parse_layout(layout)]) == expected


@pytest.mark.parametrize(
    ("layout", "problem"),
    [
        ("", "empty folders"),
        ("/{artist}/{title}", "empty folders"),
        ("../{artist}", "'..'"),
        ("{artist}/{title}.{ext}", "no field {ext}"),
        ("{artist}/{artist}", "twice"),
        ("{artist}/{title}.ogg", "suffix"),
        ("{artist", "braces"),
        ("{{artist}}", "braces"),
        ("}artist{", "braces"),
        ("{artist}{title}", "text between"),
        ("{number}", "needs {artist}"),
        ("a/" * 20 + "{title}", "at most"),
        ("x" * 1000 + "{title}", "at most"),
    ],
)
def test_a_layout_that_cannot_be_used_says_what_to_change(layout: str, problem: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        parse_layout(layout)
    assert problem in str(raised.value)


def test_text_of_a_layout_is_no_pattern() -> None:
    layout = parse_layout("{artist}.*(a+)+ {title}")
    assert read_path("Low.*(a+)+ Cut.mp3", [layout]) == facts("Low", "Cut")
    assert read_path("Low aaaa Cut.mp3", [layout]).artist is None


def test_a_hostile_path_costs_little() -> None:
    layout = parse_layout("{any} - {artist} - {album} - {number} - {title}")
    for part in (" - " * 80, "(19" * 80, "1" * 250, "x" + " " * 240 + "x", "x , " * 60, "CD" * 120):
        for path in (f"{part}/{part}/{part}.mp3", part * 1000):
            assert read_path(path, [layout]).title


@pytest.mark.parametrize(
    ("path", "artist", "title"),
    [
        ("Mono/Mono - Ashes.flac", "MONO", "Ashes"),
        ("Mono/Ashes - Live.flac", "Mono", "Ashes - Live"),
        ("Ashes - Live.flac", "Mono", "Ashes - Live"),
        ("03 - Ashes.flac", "Mono", "Ashes"),
        ("Low/Hope/03 - Cut.flac", "Somebody Else", "Cut"),
        ("x/Mono - Ashes.flac", "mono", "Ashes"),
    ],
)
def test_the_title_for_an_artist_of_the_tags(path: str, artist: str, title: str) -> None:
    assert title_from_path(path, artist) == title
