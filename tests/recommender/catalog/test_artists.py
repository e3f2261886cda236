"""Which artist a name and its external ids mean, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistRef, MatchedArtist
from recommender.errors import AmbiguousName, BadInput
from tests.catalog_rows import add_artist


def names_of(catalog: Catalog, artist_id: str) -> list[str]:
    return [name.name for name in catalog.read_names() if name.artist_id == artist_id]


@pytest.mark.parametrize("other", ["BEYONCE", "  beyoncé ", "Beyonce\u0301", "Ｂｅｙｏｎｃé"])
def test_spellings_of_one_name_are_one_artist_and_the_first_stays_preferred(catalog: Catalog, other: str) -> None:
    first = add_artist(catalog, "Beyoncé")
    assert add_artist(catalog, other) == first
    assert [artist.name for artist in catalog.read_artists()] == ["Beyoncé"]


def test_other_spellings_are_kept_as_aliases(catalog: Catalog) -> None:
    artist_id = add_artist(catalog, "Sigur Rós")
    add_artist(catalog, "Sigur Ros")
    add_artist(catalog, "sigur   ros")
    assert names_of(catalog, artist_id) == ["Sigur Ros", "Sigur Rós", "sigur ros"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("!!!", "???"), ("Bush", "Kate Bush"), ("Nirvana", "Nirvana UK"), ("坂本龍一", "坂本慎太郎"), ("Prince", "Prins")],
)
def test_names_that_only_look_alike_are_two_artists(catalog: Catalog, one: str, other: str) -> None:
    assert add_artist(catalog, one) != add_artist(catalog, other)


def test_a_known_external_id_decides_whatever_the_name(catalog: Catalog) -> None:
    sakamoto = add_artist(catalog, "坂本龍一", external_ids=[("mbid", "ab81")])
    assert add_artist(catalog, "Ryuichi Sakamoto", external_ids=[("MBID", "AB81")]) == sakamoto
    assert add_artist(catalog, "ryuichi sakamoto") == sakamoto


def test_one_name_with_two_ids_of_one_namespace_is_two_artists(catalog: Catalog) -> None:
    grunge = add_artist(catalog, "Nirvana", external_ids=[("mbid", "5b11")])
    psychedelic = add_artist(catalog, "Nirvana", external_ids=[("mbid", "9282")])
    assert grunge != psychedelic
    with pytest.raises(AmbiguousName) as caught:
        add_artist(catalog, "nirvana")
    assert {identifier for identifier, _ in caught.value.candidates} == {grunge, psychedelic}
    assert "mbid:5b11" in str(caught.value)


def test_a_new_id_goes_to_the_only_artist_of_that_name_without_one(catalog: Catalog) -> None:
    unmarked = add_artist(catalog, "Mono")
    assert add_artist(catalog, "MONO", external_ids=[("mbid", "1")]) == unmarked
    assert add_artist(catalog, "mono", external_ids=[("spotify", "x")]) == unmarked
    assert [(row.namespace, row.value) for row in catalog.read_external_ids()] == [("mbid", "1"), ("spotify", "x")]


def test_ids_that_contradict_what_is_known_are_refused_and_change_nothing(catalog: Catalog) -> None:
    one = add_artist(catalog, "A", external_ids=[("mbid", "1")])
    add_artist(catalog, "B", external_ids=[("spotify", "2")])
    for pairs in ([("mbid", "1"), ("spotify", "2")], [("spotify", "2"), ("mbid", "1")]):
        with pytest.raises(BadInput, match="external_ids_disagree"):
            add_artist(catalog, "C", external_ids=pairs)
    add_artist(catalog, "A", external_ids=[("deezer", "7"), ("mbid", "1")])
    with pytest.raises(BadInput, match="external_ids_disagree"):
        add_artist(catalog, "A", external_ids=[("deezer", "7"), ("mbid", "other")])
    assert {row.value for row in catalog.read_external_ids() if row.artist_id == one} == {"1", "7"}
    assert len(catalog.read_artists()) == 2


def test_a_known_id_needs_no_name_and_an_unknown_one_does(catalog: Catalog) -> None:
    known = add_artist(catalog, "Clark", external_ids=[("discogs", "12")])
    assert add_artist(catalog, "", external_ids=[("discogs", "12")]) == known
    assert names_of(catalog, known) == ["Clark"]
    with pytest.raises(BadInput, match="no_artist"):
        add_artist(catalog, " ", external_ids=[("discogs", "13")])


@pytest.mark.parametrize("blank", ["", "   ", "\t\n", "\u200b", "\ufeff"])
def test_a_blank_name_is_no_artist(catalog: Catalog, blank: str) -> None:
    with pytest.raises(BadInput, match="no_artist"):
        add_artist(catalog, blank)
    assert catalog.read_artists() == []


@pytest.mark.parametrize("name", ["Nul\0l", "Esc\x1b[2J", "half \ud800 pair", "x" * 2001, "\ufdfa" * 100])
def test_text_that_cannot_be_stored_or_printed_is_refused_by_both_databases_alike(catalog: Catalog, name: str) -> None:
    with pytest.raises(BadInput, match="bad_text"):
        add_artist(catalog, name)
    assert catalog.read_artists() == []


@pytest.mark.parametrize("name", ["Robert'); DROP TABLE artists;--", '"', "%s %(x)s :y ?", "\\", "=1+1", "x" * 2000])
def test_names_that_look_like_code_are_just_names(catalog: Catalog, name: str) -> None:
    artist_id = add_artist(catalog, name, external_ids=[("external", "' OR 1=1 --")])
    assert [(artist.id, artist.name) for artist in catalog.read_artists()] == [(artist_id, name)]
    assert add_artist(catalog, name) == artist_id


def test_a_batch_sees_its_own_additions_and_reports_each_bad_reference_alone(catalog: Catalog) -> None:
    refs = [
        ArtistRef(name="Low"),
        ArtistRef(name="LOW"),
        ArtistRef(name=""),
        ArtistRef(name="Low", external_ids=(("mbid", "1"),)),
        ArtistRef(name="Low", external_ids=(("mbid", "2"),)),
        ArtistRef(name="low"),
    ]
    found = catalog.find_or_add_artists(refs)
    ids = [one.artist_id if isinstance(one, MatchedArtist) else None for one in found]
    assert [isinstance(one, MatchedArtist) and one.is_new for one in found] == [True, False, False, False, True, False]
    assert ids[0] == ids[1] == ids[3] != ids[4]
    assert isinstance(found[2], BadInput)
    assert isinstance(found[5], AmbiguousName)


def test_the_artist_a_file_belonged_to_is_chosen_among_several_of_its_name(catalog: Catalog) -> None:
    add_artist(catalog, "Bush", external_ids=[("mbid", "1")])
    second = add_artist(catalog, "Bush", external_ids=[("mbid", "2")])
    stranger = add_artist(catalog, "Kate Bush")
    chosen, ambiguous = catalog.find_or_add_artists(
        [ArtistRef(name="bush", current_id=second), ArtistRef(name="bush", current_id=stranger)]
    )
    assert chosen == MatchedArtist(artist_id=second, is_new=False)
    assert isinstance(ambiguous, AmbiguousName)


def test_writers_at_the_same_time_add_no_artist_twice(database_url: str) -> None:
    Catalog.open(database_url).close()

    def add_all() -> list[str]:
        with Catalog.open(database_url) as mine:
            return [add_artist(mine, f"Artist {number}") for number in range(40)]

    with ThreadPoolExecutor(4) as threads:
        results = [future.result() for future in [threads.submit(add_all) for _ in range(4)]]
    assert len({tuple(ids) for ids in results}) == 1
    with Catalog.open(database_url) as catalog:
        assert len(catalog.read_artists()) == 40


def test_more_references_than_one_statement_can_bind_are_found_again(catalog: Catalog) -> None:
    refs = [ArtistRef(name=f"artist {number}", external_ids=(("mbid", str(number)),)) for number in range(2500)]
    first = catalog.find_or_add_artists(refs)
    again = catalog.find_or_add_artists(refs)
    assert all(isinstance(one, MatchedArtist) and one.is_new for one in first)
    assert [one.artist_id for one in again if isinstance(one, MatchedArtist) and not one.is_new] == [
        one.artist_id for one in first if isinstance(one, MatchedArtist)
    ]
