"""Who is meant by an id, a foreign id, a name, a title."""

from __future__ import annotations

import pytest

from recommender.errors import AmbiguousName, InvalidArgument, NotFound
from recommender.lookup import Directory
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_contents

DIRECTORY = Directory(
    make_contents(
        MadeCatalog(
            artists=(
                MadeArtist(id="a1", name="Beyoncé", aliases=("Queen B",), external_ids={"mbid": "m1"}),
                MadeArtist(
                    id="a2", name="Nirvana", external_ids={"mbid": "m2"}, tracks=(MadeTrack(id="t1", title="Intro"),)
                ),
                MadeArtist(
                    id="a3",
                    name="NIRVANA",
                    tracks=(MadeTrack(id="t2", title="Intró"), MadeTrack(id="t4", title="Lithium")),
                ),
                MadeArtist(
                    id="a4", name="!!!", aliases=("!!!", "Chk Chk Chk"), tracks=(MadeTrack(id="t3", title="Only"),)
                ),
            )
        )
    )
)


@pytest.mark.parametrize(("name", "row"), [("beyonce", 0), (" QUEEN  B ", 0), ("!!!", 3), ("chk chk chk", 3)])
def test_any_spelling_or_alias_finds_the_artist(name: str, row: int) -> None:
    assert DIRECTORY.artist_by_name(name) == row


def test_ids_of_ours_and_of_others_find_the_artist() -> None:
    assert DIRECTORY.artist_by_id("a3") == 2
    assert DIRECTORY.artist_by_external_id("mbid", "m1") == 0


def test_a_name_of_two_artists_is_answered_with_both() -> None:
    with pytest.raises(AmbiguousName) as caught:
        DIRECTORY.artist_by_name("nirvana")
    assert caught.value.candidates == (("a2", "Nirvana [mbid:m2, tracks: 1]"), ("a3", "NIRVANA [tracks: 2]"))


@pytest.mark.parametrize("blank", ["", "   ", "\t\n"])
def test_a_blank_name_is_an_error_of_its_own(blank: str) -> None:
    with pytest.raises(InvalidArgument, match="blank"):
        DIRECTORY.artist_by_name(blank)
    with pytest.raises(InvalidArgument, match="blank"):
        DIRECTORY.track_by_name(blank, "")


def test_nobody_is_found_for_what_is_not_there() -> None:
    with pytest.raises(NotFound):
        DIRECTORY.artist_by_name("Beyonce Knowles")
    with pytest.raises(NotFound):
        DIRECTORY.artist_by_id("beyonce")
    with pytest.raises(NotFound):
        DIRECTORY.artist_by_external_id("spotify", "m1")
    with pytest.raises(NotFound):
        DIRECTORY.track_by_id("t9")


def test_of_two_artists_of_one_name_the_one_that_has_the_track_is_meant() -> None:
    assert DIRECTORY.track_by_name("lithium", "nirvana") == 3
    with pytest.raises(AmbiguousName) as caught:
        DIRECTORY.track_by_name("intro", "Nirvana")
    assert (caught.value.kind, caught.value.candidates) == (
        "track",
        (("t1", "Intro by Nirvana"), ("t2", "Intró by NIRVANA")),
    )
    with pytest.raises(NotFound, match="by nirvana"):
        DIRECTORY.track_by_name("only", "nirvana")


def test_a_title_of_two_tracks_needs_an_artist_that_is_one() -> None:
    with pytest.raises(AmbiguousName) as caught:
        DIRECTORY.track_by_name("intro", "")
    assert caught.value.candidates == (("t1", "Intro by Nirvana"), ("t2", "Intró by NIRVANA"))
    assert DIRECTORY.track_by_name("ONLY", "") == 2
    assert DIRECTORY.track_by_name("only", "chk chk chk") == 2
    with pytest.raises(NotFound, match=r"none by Beyoncé is called so$"):
        DIRECTORY.track_by_name("only", "Beyoncé")


@pytest.mark.parametrize(
    ("name", "ids", "why"),
    [
        ("Nirvanna", ["a2", "a3"], "spelling"),
        ("The Nirvana", ["a2", "a3"], "the"),
        ("Nirvana (live)", ["a2", "a3"], "wording"),
        ("chk-chk-chk", ["a4"], "punctuation"),
        ("Queen and Bee", [], ""),
        ("x" * 201, [], ""),
    ],
)
def test_those_that_may_be_meant_are_suggested_with_the_reason(name: str, ids: list[str], why: str) -> None:
    suggestions = DIRECTORY.suggest_artists(name)
    assert [one.artist_id for one in suggestions] == ids
    assert {one.why for one in suggestions} == ({why} if why else set())
    assert all(0.8 <= one.score < 1 for one in suggestions)


def test_titles_are_suggested_of_the_artist_or_of_all() -> None:
    (by_artist,) = DIRECTORY.suggest_tracks("Litium", "nirvana")
    assert (by_artist.track_id, by_artist.title, by_artist.artist_id) == ("t4", "Lithium", "a3")
    assert [one.track_id for one in DIRECTORY.suggest_tracks("Litium", "")] == ["t4"]
    assert DIRECTORY.suggest_tracks("Litium", "!!!") == ()


@pytest.mark.parametrize("name", ["Beyonc\x00e", "B" * 3000, "\x1b[2J"])
def test_a_name_that_nobody_can_have_is_not_found_and_says_why(name: str) -> None:
    with pytest.raises(NotFound, match=r"the name (has the character|is 3000 bytes long)"):
        DIRECTORY.artist_by_name(name)


def test_a_question_is_cleaned_as_an_import_is() -> None:
    assert DIRECTORY.artist_by_name("\ufeffBe\u00adyonce\u200b\u202c") == 0
    assert DIRECTORY.track_by_name("lith\u200bium", "") == 3
