"""Edits applied to catalog rows: what each does, in any chain, and that none does harm."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.build.catalog_rows import CatalogRows
from indexer.build.edits import apply_edits, plan_edits
from recommender.catalog.edits import CatalogEdit, Merge, Removal, Rename, Split, Subject
from recommender.catalog.rows import (
    Artist,
    ArtistGenre,
    ArtistName,
    ArtistPopularity,
    Collaboration,
    EmbeddedClip,
    ExternalId,
    SceneEdge,
    SceneList,
    Source,
    Track,
)
from recommender.names import fold

ROWS = CatalogRows(
    artists=[Artist(id=one, name=one.upper()) for one in "abcd"],
    names=[ArtistName(artist_id=one, name=one.upper(), folded=one) for one in "abcd"],
    external_ids=[ExternalId(namespace="mbid", value=f"m{one}", artist_id=one) for one in "ab"],
    tracks=[
        Track(id="t1", artist_id="a", title="Words"),
        Track(id="t2", artist_id="b", title="WORDS"),
        Track(id="t3", artist_id="b", title="Words", album="Live"),
        Track(id="t4", artist_id="c", title="Lazy"),
    ],
    clips=[
        EmbeddedClip(clip_id="c1", track_id="t1"),
        EmbeddedClip(clip_id="c2", track_id="t2"),
        EmbeddedClip(clip_id="c3", track_id="t3"),
        EmbeddedClip(clip_id="c4", track_id="t4"),
        EmbeddedClip(clip_id="c5", track_id="t4"),
    ],
    genres=[
        ArtistGenre(artist_id="a", genre="rock", source="tags", weight=3.0),
        ArtistGenre(artist_id="b", genre="rock", source="tags", weight=1.0),
        ArtistGenre(artist_id="c", genre="folk", source="tags", weight=1.0),
    ],
    popularity=[
        ArtistPopularity(artist_id="a", source="lfm", value=10.0),
        ArtistPopularity(artist_id="b", source="lfm", value=90.0),
    ],
    scene_lists=[SceneList(source="map", artist_id="a"), SceneList(source="map", artist_id="b")],
    scene_edges=[
        SceneEdge(source="map", artist_id="a", neighbour_id="b", rank=1),
        SceneEdge(source="map", artist_id="a", neighbour_id="c", rank=5, strength=0.1),
        SceneEdge(source="map", artist_id="b", neighbour_id="c", rank=2),
    ],
    collaborations=[
        Collaboration(artist_a="a", artist_b="b", kind="joint", title="Two", credited=2, source="tags"),
        Collaboration(artist_a="a", artist_b="c", kind="joint", title="Three", credited=3, source="tags"),
        Collaboration(artist_a="b", artist_b="c", kind="joint", title="Three", credited=2, source="tags"),
    ],
    sources=[Source(name="tags", licence="own")],
)
BESIDE = {clip.clip_id: clip.track_id for clip in ROWS.clips} | {"unembedded": "t3"}


def edits(*subjects: Subject) -> list[CatalogEdit]:
    return [CatalogEdit(id=number, subject=one, made_at="-") for number, one in enumerate(subjects, start=1)]


def applied(*subjects: Subject, rows: CatalogRows = ROWS, beside: dict[str, str] = BESIDE) -> CatalogRows:
    return apply_edits(rows, edits(*subjects), beside)


def merge(one: str, into: str) -> Merge:
    return Merge(artist=one, into=into, label=one, into_label=into)


def remove(artist: str) -> Removal:
    return Removal(what="artist", id=artist, label=artist)


def rename(artist: str, name: str) -> Rename:
    return Rename(artist=artist, label=artist, name=name)


def named(rows: CatalogRows) -> dict[str, str]:
    return {artist.id: artist.name for artist in rows.artists}


def test_without_an_edit_in_force_the_rows_are_the_same_object() -> None:
    undone = replace(edits(remove("a"))[0], undone_at="-")
    assert apply_edits(ROWS, [undone], BESIDE) is ROWS
    assert applied(remove("nobody"), merge("a", "nobody"), merge("nobody", "a"), rename("nobody", "X")) is ROWS


def test_a_removed_artist_leaves_nothing() -> None:
    rows = applied(remove("b"))
    assert sorted(named(rows)) == ["a", "c", "d"]
    assert [track.id for track in rows.tracks] == ["t1", "t4"]
    assert [clip.clip_id for clip in rows.clips] == ["c1", "c4", "c5"]
    kinds = (rows.names, rows.external_ids, rows.genres, rows.popularity, rows.scene_lists)
    assert all(row.artist_id != "b" for kind in kinds for row in kind)
    assert [(edge.artist_id, edge.neighbour_id) for edge in rows.scene_edges] == [("a", "c")]
    assert [(row.artist_a, row.artist_b) for row in rows.collaborations] == [("a", "c")]


def test_a_merge_brings_everything_and_nothing_twice() -> None:
    rows = applied(merge("a", "b"))
    assert named(rows) == {"b": "B", "c": "C", "d": "D"}
    assert [(row.artist_id, row.name) for row in rows.names][:2] == [("b", "A"), ("b", "B")]
    assert [row.value for row in rows.external_ids if row.artist_id == "b"] == ["ma", "mb"]
    assert [(row.artist_id, row.weight) for row in rows.genres] == [("b", 3.0), ("c", 1.0)]
    assert [(row.artist_id, row.value) for row in rows.popularity] == [("b", 90.0)]
    assert rows.scene_lists == [SceneList(source="map", artist_id="b")]
    assert rows.scene_edges == [SceneEdge(source="map", artist_id="b", neighbour_id="c", rank=2, strength=0.1)]
    assert [(row.artist_a, row.artist_b, row.credited) for row in rows.collaborations] == [("b", "c", 2)]


def test_tracks_of_one_title_and_album_become_the_track_of_the_artist_itself() -> None:
    rows = applied(merge("a", "b"))
    assert [(track.id, track.artist_id) for track in rows.tracks] == [("t2", "b"), ("t3", "b"), ("t4", "c")]
    assert [(clip.clip_id, clip.track_id) for clip in rows.clips][:3] == [("c1", "t2"), ("c2", "t2"), ("c3", "t3")]


def test_a_new_name_is_preferred_and_the_old_one_an_alias() -> None:
    rows = applied(rename("a", "Ärger"))
    assert named(rows)["a"] == "Ärger"
    assert [(row.name, row.folded) for row in rows.names if row.artist_id == "a"] == [
        ("A", "a"),
        ("Ärger", fold("Ärger")),
    ]


def test_a_chain_of_merges_ends_at_its_end_with_all_names() -> None:
    rows = applied(rename("a", "New"), merge("a", "b"), merge("b", "d"), rename("d", "Last"))
    assert named(rows) == {"c": "C", "d": "Last"}
    assert {row.name for row in rows.names if row.artist_id == "d"} == {"A", "B", "D", "New", "Last"}


def test_what_was_merged_into_a_removed_artist_is_removed_with_it() -> None:
    assert sorted(named(applied(merge("a", "b"), remove("b")))) == ["c", "d"]


def test_an_artist_that_is_to_go_into_a_removed_one_stays() -> None:
    plan = plan_edits(ROWS, edits(remove("b"), merge("a", "b")), BESIDE)
    assert plan.effective == {1}
    assert sorted(named(applied(remove("b"), merge("a", "b")))) == ["a", "c", "d"]


def test_two_merges_in_a_circle_do_what_the_first_says() -> None:
    assert sorted(named(applied(merge("a", "b"), merge("b", "a")))) == ["b", "c", "d"]


def test_a_removed_clip_is_all_that_goes() -> None:
    rows = applied(Removal(what="clip", id="c4", label="-", clips=("c4",)))
    assert [clip.clip_id for clip in rows.clips] == ["c1", "c2", "c3", "c5"]
    assert rows.tracks == ROWS.tracks


def test_a_removed_track_goes_with_all_its_clips_and_leaves_its_artist() -> None:
    rows = applied(Removal(what="track", id="t4", label="-", clips=("c4", "c5")))
    assert [track.id for track in rows.tracks] == ["t1", "t2", "t3"]
    assert [clip.clip_id for clip in rows.clips] == ["c1", "c2", "c3"]
    assert rows.artists == ROWS.artists


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        ({"c1": "t1", "c4": "t9"}, []),  # its clip is a track of its own now
        ({"c1": "t1", "c4": "t1"}, []),  # its clip belongs to another track, which has a clip of its own
        ({}, ["t7"]),  # none of its clips is there: it is known by its id
        ({"c4": "t7", "c9": "t7"}, ["t7"]),  # it got one more clip
    ],
)
def test_a_track_is_where_its_clips_are(now: dict[str, str], gone: list[str]) -> None:
    tracks = [Track(id=one, artist_id="a", title=one) for one in ("t1", "t7", "t9")]
    rows = replace(ROWS, tracks=tracks, clips=[EmbeddedClip(clip_id=c, track_id=t) for c, t in sorted(now.items())])
    result = applied(Removal(what="track", id="t7", label="-", clips=("c4",)), rows=rows, beside=now)
    left = {track.id for track in result.tracks}
    assert sorted({"t1", "t7", "t9"} - left) == (["t9"] if now.get("c4") == "t9" else gone)
    assert all(clip.clip_id != "c4" and clip.track_id in left for clip in result.clips)


def test_a_split_changes_no_row_here_and_is_found_while_one_of_its_clips_is_there() -> None:
    split = Split(artist="c", label="C", new_artist="n", name="N", clips=("c4", "gone"), owners=())
    lost = Split(artist="c", label="C", new_artist="n", name="N", clips=("gone",), owners=())
    assert plan_edits(ROWS, edits(split, lost), BESIDE).effective == {1}
    rows = applied(split)
    assert all(list(getattr(rows, field.name)) == list(getattr(ROWS, field.name)) for field in fields(ROWS))


ANY_ARTIST = st.sampled_from("abcdx")
SUBJECTS = st.one_of(
    st.builds(remove, ANY_ARTIST),
    st.builds(merge, ANY_ARTIST, ANY_ARTIST),
    st.builds(rename, ANY_ARTIST, st.sampled_from(["A", "New", "Low"])),
    st.builds(
        lambda track, clips: Removal(what="track", id=track, label="-", clips=tuple(clips)),
        st.sampled_from(["t1", "t2", "t9"]),
        st.lists(st.sampled_from(["c1", "c2", "c5", "c9"]), max_size=2),
    ),
    st.builds(lambda clip: Removal(what="clip", id=clip, label="-", clips=(clip,)), st.sampled_from(["c1", "c9"])),
)


@given(st.lists(SUBJECTS, max_size=8))
def test_any_edits_leave_rows_that_fit_together(subjects: list[Subject]) -> None:
    rows = applied(*subjects)
    artists, tracks = {artist.id for artist in rows.artists}, {track.id for track in rows.tracks}
    kinds = (rows.names, rows.external_ids, rows.tracks, rows.genres, rows.popularity, rows.scene_lists)
    assert {row.artist_id for kind in kinds for row in kind} <= artists
    assert {clip.track_id for clip in rows.clips} <= tracks
    assert all({edge.artist_id, edge.neighbour_id} <= artists for edge in rows.scene_edges)
    assert all(row.artist_a < row.artist_b and {row.artist_a, row.artist_b} <= artists for row in rows.collaborations)
    assert all(artist.name in {row.name for row in rows.names if row.artist_id == artist.id} for artist in rows.artists)
    for kind, columns in ORDER.items():
        keys = [tuple(getattr(row, column) for column in columns) for row in getattr(rows, kind)]
        assert keys == sorted(set(keys)), kind


ORDER = {
    "artists": ("id",),
    "names": ("artist_id", "name"),
    "external_ids": ("artist_id", "namespace", "value"),
    "tracks": ("id",),
    "clips": ("clip_id",),
    "genres": ("artist_id", "genre", "source"),
    "popularity": ("artist_id", "source"),
    "scene_lists": ("source", "artist_id"),
    "scene_edges": ("source", "artist_id", "neighbour_id"),
    "collaborations": ("artist_a", "artist_b", "kind", "title", "source"),
}
"""Kind of rows -> the columns by which the catalog gives them in order, each key once."""
