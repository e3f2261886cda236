"""The same recording twice is answered once: by title, or by sound in every layer, on pairs known beforehand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.ranking.artists import Recommender
from recommender.ranking.duplicates import (
    MAX_COMPARED,
    SAME_FROM,
    SAME_TITLE_FROM,
    STRANGER_FROM,
    Recordings,
    SameRecording,
    each_once,
)
from recommender.ranking.tracks import TrackQuery, limit_per_artist
from recommender.types import LayerMix
from tests.calibrated import calibrated
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_generation, make_space

LOW: LayerMix = {"low": 1.0}
BOTH: LayerMix = {"low": 0.5, "high": 0.5}


def at(cosine: float) -> list[float]:
    """A unit vector with ``cosine`` to the first axis."""
    return [cosine, math.sqrt(1.0 - cosine * cosine)]


def track(identifier: str, title: str, low: list[float], high: list[float]) -> MadeTrack:
    return MadeTrack(id=identifier, title=title, vectors={"low": low, "high": high})


MADE = MadeCatalog(
    artists=(
        MadeArtist(
            id="a",
            name="A",
            tracks=(
                track("t0", "Seed", [1, 0], [1, 0]),
                track("t1", "Copy", at(0.99), at(0.98)),  # mean cosine .985: the seed's recording under another title
                track("t2", "Near", at(0.999), at(0.95)),  # mean .9745: the best by "low", but another recording
                track("t3", "Seed (2011 Remaster)", at(0.2), at(0.1)),  # told by its title alone
                track("t4", "Seed (Live)", at(0.5), at(0.5)),
                MadeTrack(id="t5", title="Silent"),
            ),
        ),
        MadeArtist(
            id="b",
            name="B",
            tracks=(
                track("t6", "Song", at(0.9), at(0.9)),
                track("t7", "Song (Radio Edit)", at(0.8), at(0.1)),
                track("t8", "Seed", [1, 0], [1, 0]),  # the seed's recording, credited to somebody else
                track("t9", "Seed (Mono)", at(-0.5), at(-0.5)),  # only a title that another artist has too
            ),
        ),
    )
)


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    return Recommender(make_generation(MADE))


def ranked(recommender: Recommender, seed: int, *, n: int = 20, offset: int = 0, **changes: object) -> list[int]:
    query = replace(TrackQuery(vectors={}, mix=LOW, exclude_track=seed), **changes)  # type: ignore[arg-type]  # as given
    vectors = recommender.tracks.vectors(seed, query.mix)
    assert vectors is not None
    return [each.row for each in recommender.tracks.rank(replace(query, vectors=vectors), offset=offset, n=n)]


def test_each_recording_is_answered_once_and_the_nearest_release_is_kept(recommender: Recommender) -> None:
    assert ranked(recommender, 0) == [2, 6, 4, 9], "t8 is the seed itself under another credit"
    assert ranked(recommender, 7) == [4, 1, 8, 3], "t6 is the seed's, t0 and t2 are t1's, t9 is t8's, t3 is no t1"


def test_of_everything_left_out_a_release_is_shown_or_is_the_seed(recommender: Recommender) -> None:
    same = SameRecording(recommender.generation)
    for seed in (0, 1, 2, 3, 4, 6, 7, 8, 9):
        whole, shown = ranked(recommender, seed, keep_duplicates=True), ranked(recommender, seed)
        for row in set(whole) - set(shown):
            assert same(row, [seed, *shown])


def test_every_release_is_answered_when_asked(recommender: Recommender) -> None:
    assert ranked(recommender, 0, keep_duplicates=True) == [8, 2, 1, 6, 7, 4, 3, 9]


def test_what_one_recording_is_does_not_depend_on_the_layer_listened_by(recommender: Recommender) -> None:
    for mix in (LOW, {"high": 1.0}, BOTH):
        assert set(ranked(recommender, 0, mix=mix)) == {2, 4, 6, 9}


def test_a_vector_from_outside_finds_what_it_comes_from(recommender: Recommender) -> None:
    query = TrackQuery(vectors={"low": np.array([1, 0], dtype=np.float32)}, mix=LOW)
    answered = [each.row for each in recommender.tracks.rank(query, offset=0, n=10)]
    assert answered == [0, 2, 6, 4, 9], "of t0 and t8, which are as near, the first by id"


def test_a_release_that_may_not_be_answered_hides_no_other(recommender: Recommender) -> None:
    assert ranked(recommender, 2, exclude_artist=0) == [8, 6]
    assert ranked(recommender, 2, exclude_artist=0, max_per_artist=1) == [8]


def test_an_artist_is_limited_after_its_releases_are_counted_once(recommender: Recommender) -> None:
    assert ranked(recommender, 0, max_per_artist=2) == [2, 6, 4, 9]
    assert ranked(recommender, 0, max_per_artist=1) == [2, 6]


@pytest.mark.parametrize(("cosine", "same"), [(SAME_FROM - 0.001, False), (SAME_FROM + 0.001, True)])
def test_the_bar_is_a_mean_over_all_layers(cosine: float, same: bool) -> None:
    tracks = (track("t0", "", [1, 0], [1, 0]), track("t1", "", [1, 0], at(2 * cosine - 1)))
    generation = make_generation(MadeCatalog(artists=(MadeArtist(id="a", name="A", tracks=tracks),)))
    assert SameRecording(generation)(0, [1]) is same


def test_a_title_tells_where_there_is_no_audio_and_no_title_tells_nothing() -> None:
    tracks = (
        MadeTrack(id="t0", title="One"),
        MadeTrack(id="t1", title="One (Mono)"),
        MadeTrack(id="t2", title=""),
        MadeTrack(id="t3", title=" "),
    )
    same = SameRecording(make_generation(MadeCatalog(artists=(MadeArtist(id="a", name="A", tracks=tracks),))))
    assert same(0, [1])
    assert not same(2, [3])
    assert not same(0, [])


def test_the_centre_of_a_calibrated_layer_is_taken_off_first() -> None:
    """Vectors on one side of a sphere look alike until their centre is taken off, as those of a network do."""
    generation = calibrated()
    layers = {
        name: replace(layer, bundle=replace(layer.bundle, mean=np.array([20.0, 0, 0, 0, 0, 0])))
        for name, layer in generation.calibration.layers.items()
    }
    moved = replace(generation, calibration=replace(generation.calibration, layers=layers))
    pairs = [(row, row + 1) for row in range(0, 30, 3)]
    assert not any(SameRecording(generation)(a, [b]) for a, b in pairs)
    assert all(SameRecording(moved)(a, [b]) for a, b in pairs), "off a far centre all look one way"


@given(seed=st.integers(0, 9).filter(lambda row: row != 5), size=st.integers(1, 5), keep=st.booleans())
@settings(deadline=None)
def test_pages_of_tracks_of_any_size_add_up_to_the_whole(seed: int, size: int, keep: bool) -> None:
    recommender = Recommender(make_generation(MADE))
    whole = ranked(recommender, seed, keep_duplicates=keep)
    pages = [ranked(recommender, seed, offset=at, n=size, keep_duplicates=keep) for at in range(0, 12, size)]
    assert [row for page in pages for row in page] == whole


@given(
    rows=st.lists(st.integers(0, 9).filter(lambda row: row != 5), unique=True),
    shorter=st.integers(0, 10),
    most=st.integers(0, 4),
)
@settings(deadline=None)
def test_a_list_is_thinned_from_its_front_so_that_a_shorter_one_is_its_beginning(
    rows: list[int], shorter: int, most: int
) -> None:
    generation = make_generation(MADE)
    artists, same = generation.contents.tracks.artist, SameRecording(generation)

    def thinned(read: list[int]) -> list[int]:
        once = each_once(read, lambda row: row, Recordings(same))
        return list(limit_per_artist(once, lambda row: int(artists[row]), most))

    whole = thinned(rows)
    assert thinned(rows[:shorter]) == whole[: len(thinned(rows[:shorter]))]
    kept: list[int] = []
    for row in rows:
        if not same(row, kept):
            kept.append(row)
    owners = [artists[row] for row in kept]
    assert whole == [row for n, row in enumerate(kept) if not most or owners[:n].count(owners[n]) < most]


def on_albums(cosine: float, titles: tuple[str, str], albums: tuple[str, str], *, owners: int = 1) -> bool:
    """Whether two tracks with that mean cosine are one recording."""
    made = [
        MadeTrack(id="t0", title=titles[0], album=albums[0], vectors={"low": [1, 0], "high": [1, 0]}),
        MadeTrack(id="t1", title=titles[1], album=albums[1], vectors={"low": at(cosine), "high": at(cosine)}),
    ]
    artists: tuple[MadeArtist, ...] = (MadeArtist(id="a", name="A", tracks=tuple(made[: 3 - owners])),)
    if owners == 2:
        artists = (*artists, MadeArtist(id="b", name="B", tracks=(made[1],)))
    return SameRecording(make_generation(MadeCatalog(artists=artists)))(1, [0])


def test_a_title_on_two_albums_is_one_recording_only_where_the_sound_agrees() -> None:
    intro, albums = ("Intro", "Intro"), ("First", "Second")
    assert not on_albums(SAME_TITLE_FROM - 0.01, intro, albums)
    assert on_albums(SAME_TITLE_FROM + 0.01, intro, albums), "a lower bar than for two titles"
    assert on_albums(0.1, intro, ("First", "First (2011 Remaster)")), "one album in two releases: the title decides"
    assert on_albums(0.1, intro, ("First", "")), "an unknown album says nothing"
    assert not on_albums(SAME_TITLE_FROM + 0.01, ("Intro", "Outro"), albums)
    assert on_albums(SAME_FROM + 0.001, ("Intro", "Outro"), albums)


def test_between_artists_the_sound_decides_and_needs_more_without_a_title() -> None:
    home = ("Home", "Home")
    assert not on_albums(SAME_TITLE_FROM - 0.01, home, ("", ""), owners=2), "a title alone says nothing"
    assert on_albums(SAME_TITLE_FROM + 0.01, home, ("One", "Two"), owners=2)
    assert on_albums(SAME_TITLE_FROM + 0.01, ("Home (feat. B)", "A - Home"), ("", ""), owners=2)
    assert not on_albums(STRANGER_FROM - 0.001, ("Home", "Away"), ("", ""), owners=2)
    assert on_albums(STRANGER_FROM + 0.001, ("Home", "Away"), ("", ""), owners=2)


def test_two_tracks_of_two_albums_without_audio_stay_two() -> None:
    tracks = (MadeTrack(id="t0", title="Intro", album="First"), MadeTrack(id="t1", title="Intro", album="Second"))
    generation = make_generation(MadeCatalog(artists=(MadeArtist(id="a", name="A", tracks=tracks),)))
    assert not SameRecording(generation)(1, [0])


def test_where_all_vectors_lie_close_together_they_are_not_all_one_recording() -> None:
    drawn = np.random.default_rng(0).normal(size=(30, 8))
    close = np.array([8.0] * 8) + 0.5 * drawn  # cosines of 0.99 and more, as an encoder without calibration may give
    close[1] = close[0] + 0.001 * drawn[2]
    made = tuple(track(f"t{n:02}", f"Title {n}", list(row), list(row)) for n, row in enumerate(close))
    artist = MadeArtist(id="a", name="A", tracks=made)
    generation = make_generation(MadeCatalog(artists=(artist,), space=make_space(("low", "high"), dim=8)))
    same = SameRecording(generation)
    assert [other for other in range(1, 30) if same(0, [other])] == [1]


def test_by_sound_a_track_is_held_against_the_seed_and_the_last_before_it_and_by_title_against_all() -> None:
    """Behind the others stand copies of the first (the seed), the second and the last; one is the second by title."""
    others = np.random.default_rng(0).normal(size=(MAX_COMPARED + 2, 16)).tolist()
    vectors = [*others, others[0], others[1], others[-1], np.random.default_rng(1).normal(size=16).tolist()]
    titles = [f"T{n}" for n in range(len(vectors) - 1)] + ["T1 (Mono)"]
    space = make_space(dim=16)
    tracks = tuple(
        MadeTrack(id=f"t{n:04}", title=title, vectors=dict.fromkeys(space.layer_names, vector))
        for n, (title, vector) in enumerate(zip(titles, vectors, strict=True))
    )
    artists = (MadeArtist(id="a", name="A", tracks=tracks),)
    same, before = SameRecording(make_generation(MadeCatalog(artists=artists, space=space))), range(len(others))
    assert [same(len(others) + n, before) for n in range(4)] == [True, False, True, True]
    assert same(len(others) + 1, before[:MAX_COMPARED]), "with fewer before it nothing is left out"
