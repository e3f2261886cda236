"""An artist from audio alone: the numbers a catalog artist with the same tracks has, and the others missing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from recommender.calibration.cohort import ArtistStats, CalibratedLayer, measure
from recommender.errors import InvalidArgument
from recommender.explain.shared_facts import standout_aspect
from recommender.fusion.profiles import PROFILES, custom_weights
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.audio_query import from_clips, nearest_clip
from recommender.retrieval.filters import GenreFilter
from recommender.signals.audio import AudioQuery
from recommender.types import ClipEmbeddings, ScoredArtist, SignalName
from tests.calibrated import DIM, LAYERS, calibrate, make_catalog
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_generation

MIX = {"low": 0.75, "high": 0.25}
CLIPS = 0.5 + np.random.default_rng(7).normal(size=(3, len(LAYERS), DIM)).astype(np.float32)
"""``[clip, layer, dim]`` of somebody new."""
ID = "zz"


def guest(clips: ClipEmbeddings) -> MadeArtist:
    """An artist whose tracks have these vectors, and nothing else; last in the order of ids."""
    tracks = tuple(
        MadeTrack(id=f"z{n}", title=f"Z {n}", vectors=dict(zip(LAYERS, clip.astype(float).tolist(), strict=True)))
        for n, clip in enumerate(clips)
    )
    return MadeArtist(id=ID, name="Guest", tracks=tracks)


@cache
def without() -> Generation:
    """The catalog that the clips is not in."""
    return calibrate(make_generation(make_catalog(0)))


@cache
def with_guest(count: int) -> Generation:
    """The same with an artist of the first ``count`` clips, and every artist measured with the bundles of the same."""
    made = make_catalog(0)
    catalog = MadeCatalog(
        artists=(*made.artists, guest(CLIPS[:count])),
        scene=made.scene,
        scene_listed=made.scene_listed,
        collaborations=made.collaborations,
        space=made.space,
    )
    generation = make_generation(catalog)
    layers = {name: measured(generation, layer) for name, layer in without().calibration.layers.items()}
    return replace(generation, calibration=replace(without().calibration, layers=layers))


def measured(generation: Generation, layer: CalibratedLayer) -> CalibratedLayer:
    """Every artist of ``generation``, one by one."""
    contents, index = generation.contents, generation.tracks[layer.bundle.layer]
    artists = (
        measure(
            layer.bundle,
            index.vectors(contents.tracks.vector_row[contents.tracks.artist == row]),
            without={contents.artists.ids[row]},
        )
        for row in np.flatnonzero(contents.artists.vector_row >= 0).tolist()
    )
    return replace(layer, artists=ArtistStats.of(artists, width=layer.bundle.width))


def ranked(generation: Generation, clips: AudioQuery, query: ArtistQuery | None = None) -> list[ScoredArtist]:
    """All artists like ``clips``, as ``query`` asks."""
    asked = replace(query or ArtistQuery(seeds=(), mix=clips.mix), seeds=(clips,))
    return Recommender(generation).rank_artists(asked, offset=0, n=1000)


@pytest.mark.parametrize("profile", ["evidence", "seed"])
@pytest.mark.parametrize("mix", [{"low": 1.0}, MIX], ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_clips_score_to_the_bit_as_the_artist_of_the_catalog_that_has_them(
    profile: str, mix: dict[str, float], count: int
) -> None:
    held = Recommender(with_guest(count))
    row = held.directory.artist_by_id(ID)
    weights = held.generation.calibration.choices.named[profile]
    of_the_row = held.rank_artists(ArtistQuery(seeds=(row,), mix=mix, weights=weights), offset=0, n=1000)
    clips = from_clips(without(), CLIPS[:count], mix)
    asked = ranked(without(), clips, ArtistQuery(seeds=(), mix=mix, weights=weights))
    assert len(asked) == 60
    assert told(asked) == told(of_the_row)
    assert [repr(clips.reliability)] == [repr(one) for one in held.reliability([row], mix)]


def told(scored: list[ScoredArtist]) -> list[str]:
    """As text, in which NaN equals NaN and every bit shows."""
    return [repr(one) for one in scored]


def test_the_cosine_is_that_of_the_mean_of_unit_clips_by_hand() -> None:
    units = [clip[0].astype(float) / np.linalg.norm(clip[0].astype(float)) for clip in CLIPS]
    middle = sum(units) / np.linalg.norm(sum(units))
    for scored in ranked(without(), from_clips(without(), CLIPS))[:5]:
        theirs = without().artists["low"].vectors(without().contents.artists.vector_row[[scored.row]])[0]
        assert scored.breakdown[0].raw == pytest.approx(float(middle @ theirs), abs=1e-6)


def test_the_other_signals_are_missing_and_add_nothing() -> None:
    for scored in ranked(without(), from_clips(without(), CLIPS)):
        audio, *others = scored.breakdown
        assert (audio.signal, audio.available) == (SignalName.AUDIO, True)
        assert [line.available for line in others] == [False] * 3
        assert [(line.weight, line.contribution) for line in others] == [(0.0, 0.0)] * 3
        assert scored.base + audio.contribution == pytest.approx(scored.score, abs=1e-12)


def test_the_seed_table_gives_audio_all_the_weight_on_raw_similarity() -> None:
    query = ArtistQuery(seeds=(), mix={"low": 1.0}, weights=PROFILES["seed"])
    for scored in ranked(without(), from_clips(without(), CLIPS), query):
        assert scored.breakdown[0].weight == 1.0
        assert scored.score == max(scored.breakdown[0].raw, 0.0)


def test_the_standard_error_of_one_clip_is_unknown() -> None:
    one, three = from_clips(without(), CLIPS[:1]).reliability, from_clips(without(), CLIPS).reliability
    assert (one.tracks, np.isnan(one.standard_error)) == (1, True)
    assert three.tracks == 3
    assert 0 < three.standard_error < 1


def test_without_calibration_the_clips_still_count() -> None:
    plain = replace(without(), calibration=type(without().calibration)())
    clips = from_clips(plain, CLIPS)
    assert clips.reliability.tracks == 3
    assert np.isnan(clips.reliability.coherence)
    found = ranked(plain, clips)
    assert found[0].score > 0.25 + 0.01
    cosines = [max(scored.breakdown[0].raw, 0.0) for scored in found]
    assert cosines == sorted(cosines, reverse=True)


def test_clips_that_cancel_one_another_have_no_direction() -> None:
    with pytest.raises(InvalidArgument, match="no direction"):
        from_clips(without(), np.stack([CLIPS[0], -CLIPS[0]]))


def test_conditions_and_candidates_hold_as_for_any_ranking() -> None:
    clips = from_clips(without(), CLIPS)
    everyone = ranked(without(), clips)
    genre = GenreFilter(any_of=("genre 1",))
    some = ranked(without(), clips, ArtistQuery(seeds=(), mix=clips.mix, genres=genre))
    assert told(some) == told([scored for scored in everyone if scored.row % 6 == 1])
    assert len(some) == 10
    two = frozenset({everyone[3].row, everyone[9].row, 65})
    chosen = ranked(without(), clips, ArtistQuery(seeds=(), mix=clips.mix, candidates=two))
    assert told(chosen) == told([everyone[3], everyone[9]])


def test_weights_without_audio_leave_nobody_to_answer() -> None:
    query = ArtistQuery(seeds=(), mix={"low": 1.0}, weights=custom_weights({SignalName.GENRE: 1.0}))
    assert ranked(without(), from_clips(without(), CLIPS), query) == []


def test_clips_and_catalog_artists_can_be_seeds_together() -> None:
    clips, recommender = from_clips(without(), CLIPS), Recommender(without())
    by_clips, by_row, both = (
        {
            one.row: one.score
            for one in recommender.rank_artists(ArtistQuery(seeds=seeds, mix=clips.mix), offset=0, n=1000)
        }
        for seeds in ((clips,), (0,), (clips, 0))
    )
    assert both.keys() == (by_clips.keys() | by_row.keys()) - {0}
    for row, score in both.items():
        scores = [found[row] for found in (by_clips, by_row) if row in found]
        assert score == pytest.approx(sum(scores) / len(scores))


def test_clips_embedded_for_another_mix_are_refused() -> None:
    clips = from_clips(without(), CLIPS, {"low": 1.0})
    with pytest.raises(InvalidArgument, match="another mix"):
        ranked(without(), clips, ArtistQuery(seeds=(), mix=MIX))


@pytest.mark.parametrize("shape", [(0, 2, DIM), (1, 1, DIM), (1, 2, DIM + 1)])
def test_clips_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidArgument, match="shape"):
        from_clips(without(), np.ones(shape, dtype=np.float32))


def test_the_nearest_clip_is_found_by_hand() -> None:
    clips, generation = from_clips(without(), CLIPS, MIX), without()
    found = nearest_clip(Recommender(generation), clips, 4)
    assert found is not None
    theirs = np.flatnonzero(generation.contents.tracks.artist == 4).tolist()
    cosines = {(place, row): by_hand(clip, row) for place, clip in enumerate(CLIPS) for row in theirs}
    assert len(cosines) == 9
    assert (found.clip, found.track) == max(cosines, key=lambda pair: cosines[pair])
    assert found.cosine == pytest.approx(max(cosines.values()), abs=1e-6)
    assert nearest_clip(Recommender(generation), clips, 62) is None


@pytest.mark.parametrize("calibrated", [True, False])
def test_the_nearest_clip_stands_out_in_the_aspect_in_which_its_track_does(calibrated: bool) -> None:
    generation = with_guest(3)
    generation = generation if calibrated else replace(generation, calibration=type(generation.calibration)())
    clips, recommender = from_clips(generation, CLIPS), Recommender(generation)
    guests = recommender.embedded_tracks(recommender.directory.artist_by_id(ID))
    aspects = set()
    for artist in range(60):
        found = nearest_clip(recommender, clips, artist)
        assert found is not None
        assert found.aspect == standout_aspect(generation, int(guests[found.clip]), found.track)
        aspects.add(found.aspect)
    assert len(aspects - {""}) > 1


def by_hand(clip: np.ndarray, row: int) -> float:
    """Cosine of a clip and a track under the mix."""
    place = without().contents.tracks.vector_row[[row]]
    theirs = [without().tracks[layer].vectors(place)[0].astype(float) for layer in LAYERS]
    ours = [part.astype(float) / np.linalg.norm(part.astype(float)) for part in clip]
    return sum(MIX[layer] * float(a @ b) for layer, a, b in zip(LAYERS, ours, theirs, strict=True))
