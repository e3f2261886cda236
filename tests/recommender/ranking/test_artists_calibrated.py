"""Rankings from a calibrated generation: which profiles it has, and scores worked out another way."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit, logit

from recommender.calibration.cohort import ArtistStats, unmeasured
from recommender.calibration.scores import scores
from recommender.fusion.learned_weights import FittedWeights
from recommender.fusion.profiles import evidence_profile
from recommender.generation.calibration import Calibration
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.ranking.popularity import PopularityBand
from recommender.types import LayerMix, ScoredArtist, SignalName
from tests.calibrated import ARTISTS, calibrated, plain

LOW: LayerMix = {"low": 1.0}
BOTH: LayerMix = {"low": 0.75, "high": 0.25}
EVERYONE = ARTISTS + 6


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    return Recommender(calibrated())


def asked(profile: str, seeds: tuple[int, ...], mix: LayerMix = LOW) -> ArtistQuery:
    return ArtistQuery(seeds=seeds, mix=mix, weights=calibrated().calibration.choices.named[profile])


def ranked(recommender: Recommender, query: ArtistQuery) -> list[ScoredArtist]:
    return recommender.rank_artists(query, offset=0, n=EVERYONE)


def told(artists: list[ScoredArtist]) -> list[str]:
    """All that is said of each, so that NaN is NaN."""
    return [repr(artist) for artist in artists]


def test_a_calibrated_generation_answers_by_evidence_and_still_has_the_seed_table(recommender: Recommender) -> None:
    choices = recommender.generation.calibration.choices
    assert (sorted(choices.named), choices.default.name) == (["evidence", "seed"], "evidence")
    query = ArtistQuery(seeds=(0,), mix=LOW)
    assert told(ranked(recommender, query)) == told(ranked(recommender, asked("evidence", (0,))))


def test_the_default_is_the_same_whatever_is_calibrated() -> None:
    full = calibrated().calibration
    for poorer in (Calibration(), Calibration(layers=full.layers), Calibration(percentiles=full.percentiles)):
        assert (sorted(poorer.choices.named), poorer.choices.default.name) == (["evidence", "seed"], "evidence")


def test_without_bundles_audio_speaks_by_its_cosine() -> None:
    recommender = Recommender(plain())
    line = recommender.compare(0, 6, mix=LOW).breakdown[0]
    cosine = recommender.audio(LOW).raw(0)[6]
    assert 0 < cosine < 0.998
    odds = cosine / (1 - cosine)
    assert recommender.audio(LOW).strengths((0,))[0, 6] == pytest.approx(np.log1p(odds / 30))
    assert line.contribution > 0


def test_weights_learned_from_labels_are_one_more_profile() -> None:
    learned = FittedWeights(
        intercept=-1.0,
        slopes=(1.0, 0.5, 0.5, 0.5),
        missing=(0.0, 0.0, 0.0, -0.5),
        pairs_with_opinion=(1, 1, 1, 1),
        refused=(),
        folds=(),
        queries=2,
        pairs=4,
    )
    choices = replace(calibrated().calibration, fitted=learned.profile).choices
    assert (sorted(choices.named), choices.default.name) == (["evidence", "fitted", "seed"], "evidence")


def test_evidence_is_the_sum_of_weighted_strengths(recommender: Recommender) -> None:
    slopes = dict(zip(SignalName, (1.5, 1.0, 0.75, 0.375), strict=True))
    for a, b in ((0, 6), (0, 12), (4, 8), (1, 2), (3, 63)):
        strengths = {name: _strength_of_pair(recommender, name, a, b) for name in slopes}
        known = {name: strength for name, strength in strengths.items() if not np.isnan(strength)}
        total = logit(0.25) + sum(slopes[name] * strength for name, strength in known.items())
        found = recommender.compare(a, b, mix=LOW, weights=evidence_profile()).score
        assert found == pytest.approx(float(expit(total)), abs=1e-6)


def _strength_of_pair(recommender: Recommender, name: SignalName, a: int, b: int) -> float:
    """What each signal says of one pair, from its own measure; NaN without data."""
    if name is not SignalName.AUDIO:
        opinion = float(recommender.signals(LOW)[name].raw(a)[b])
        return float(np.log1p(opinion / 0.03)) if name is SignalName.SCENE else opinion
    if b >= ARTISTS:
        return float("nan")
    low = calibrated().calibration.layers["low"]
    z = scores(low.bundle, low.artists.at(a), low.artists)[b]
    count = len(low.bundle.cohort_ids) * (len(low.bundle.cohort_ids) - 1) / 2
    return _strength_by_hand(low.bundle.quantiles, z, count)


def _strength_by_hand(quantiles: npt.NDArray[np.float64], z: float, pairs: float) -> float:
    """log(1 + odds / 30): odds of the share of reference pairs below, with an exponential tail above 99 of 100."""
    below = min(max(np.interp(z, quantiles, np.linspace(0, 1, 2001)), 0.002), 0.99)
    edge = quantiles[1980]
    rest = 0.01 * np.exp(-(z - edge) / (quantiles[1980:].mean() - edge)) if z > edge else 1 - below
    rest = (pairs * rest + 1) / (pairs + 1)
    return float(np.log(1 + (1 - rest) / rest / 30))


def test_the_seed_table_reads_raw_similarities_calibrated_or_not(recommender: Recommender) -> None:
    before, query = Recommender(plain()), asked("seed", (0,), BOTH)
    ours, theirs = ranked(recommender, query), ranked(before, query)
    assert [(one.row, one.score) for one in ours] == [(one.row, one.score) for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        audio, uncalibrated = one.breakdown[0], other.breakdown[0]
        assert audio.raw == uncalibrated.raw or not audio.available
        assert audio.contribution == pytest.approx(audio.weight * max(audio.raw, 0.0)) if audio.available else True
        assert uncalibrated.value == max(uncalibrated.raw, 0.0) or not uncalibrated.available


def test_the_value_of_audio_is_the_square_of_its_percentile(recommender: Recommender) -> None:
    lines = [artist.breakdown[0] for artist in ranked(recommender, asked("evidence", (0,))) if artist.row < ARTISTS]
    assert len(lines) == ARTISTS - 1
    assert [line.value for line in lines] == pytest.approx([line.percentile**2 for line in lines])
    assert {line.value > 0.9 for line in lines} == {True, False}


def test_a_mix_takes_the_mean_of_its_layers(recommender: Recommender) -> None:
    low, high, both = (
        {artist.row: artist.breakdown[0] for artist in ranked(recommender, asked("evidence", (5,), mix))}
        for mix in (LOW, {"high": 1.0}, {"low": 3.0, "high": 1.0})
    )
    for row in (0, 11, 30):
        assert both[row].raw == pytest.approx(0.75 * low[row].raw + 0.25 * high[row].raw)
        assert both[row].value == pytest.approx(both[row].percentile ** 2)


def test_the_percentile_of_a_mix_is_that_of_the_mean_standardised_score(recommender: Recommender) -> None:
    layers = calibrated().calibration.layers
    z: npt.NDArray[np.float64] = np.zeros(ARTISTS)
    quantiles: npt.NDArray[np.float64] = np.zeros(2001)
    for name, share in (("low", 0.75), ("high", 0.25)):
        bundle, artists = layers[name].bundle, layers[name].artists
        mean, sd = bundle.quantiles.mean(), bundle.quantiles.std()
        z = z + share * (scores(bundle, artists.at(5), artists) - mean) / sd
        quantiles = quantiles + share * (bundle.quantiles - mean) / sd
    expected = np.interp(z, quantiles, np.linspace(0, 1, 2001))
    found = recommender.audio({"low": 3.0, "high": 1.0}).percentiles(5)[:ARTISTS]
    others = np.arange(ARTISTS) != 5
    np.testing.assert_allclose(found[others], expected[others], atol=1e-12)
    assert found[5] == 1.0


def _with_unmeasured(row: int) -> Generation:
    """The calibrated generation, in which the artist in this row of the index could not be measured by ``low``."""
    made = calibrated()
    low = made.calibration.layers["low"]
    each = [low.artists.at(place) for place in range(ARTISTS)]
    each[row] = unmeasured(width=low.bundle.width, tracks=3)
    broken = replace(low, artists=ArtistStats.of(each, width=low.bundle.width))
    layers = {**made.calibration.layers, "low": broken}
    return replace(made, calibration=replace(made.calibration, layers=layers))


def test_an_artist_that_could_not_be_measured_keeps_its_cosine_and_has_no_audio_evidence() -> None:
    recommender = Recommender(_with_unmeasured(7))
    for a, b in ((7, 1), (1, 7)):
        audio = recommender.compare(a, b, mix=LOW, weights=evidence_profile()).breakdown[0]
        assert audio.available
        assert audio.value == max(audio.raw, 0.0)
        assert math.isnan(audio.percentile)
        assert (audio.weight, audio.contribution) == (0.0, 0.0)
    others = recommender.compare(1, 2, mix=LOW), Recommender(calibrated()).compare(1, 2, mix=LOW)
    assert repr(others[0]) == repr(others[1])
    (reliability,) = recommender.reliability([7], LOW)
    assert reliability is not None
    assert reliability.tracks == 3
    assert math.isnan(reliability.coherence)


def test_reliability_is_a_mean_over_the_layers_of_the_mix(recommender: Recommender) -> None:
    low, high = (calibrated().calibration.layers[name].artists for name in ("low", "high"))
    found, silent = recommender.reliability([9, ARTISTS], BOTH)
    assert found is not None
    assert found.tracks == 3
    assert found.coherence == pytest.approx(0.75 * low.coherence[9] + 0.25 * high.coherence[9])
    assert found.standard_error == pytest.approx(0.75 * low.standard_error[9] + 0.25 * high.standard_error[9])
    assert silent is None
    assert recommender.reliability([ARTISTS]) == [None]
    assert Recommender(plain()).reliability([9]) == [None]


def test_negative_seeds_take_away_what_they_score_above_the_base(recommender: Recommender) -> None:
    liked, disliked = (
        {artist.row: artist.score for artist in ranked(recommender, asked("evidence", (seed,)))} for seed in (0, 1)
    )
    found = ranked(recommender, replace(asked("evidence", (0,)), negative_seeds=(1,)))
    assert {artist.row for artist in found} == liked.keys() - {1}
    for artist in found:
        lost = max(0.0, (disliked.get(artist.row, 0.25) - 0.25) / 0.75)
        assert artist.score == pytest.approx(liked[artist.row] * (1 - lost))
    assert any(artist.score < liked[artist.row] - 0.01 for artist in found)
    assert any(artist.score == liked[artist.row] for artist in found)


def test_whoever_is_disliked_is_left_out_even_as_a_candidate(recommender: Recommender) -> None:
    query = replace(asked("evidence", (0,)), negative_seeds=(6,), candidates=frozenset({6, 12}), keep_seeds=True)
    assert [artist.row for artist in ranked(recommender, query)] == [12]


def test_a_band_of_popularity_leaves_out_the_others_and_the_unknown(recommender: Recommender) -> None:
    relations = calibrated().contents.relations
    known = relations.scene_mentioned | relations.collaboration_known
    partners = np.zeros(EVERYONE)
    for a, b in {*zip(relations.events.artist_a.tolist(), relations.events.artist_b.tolist(), strict=True)}:
        partners[[a, b]] += 1
    degree = np.diff(relations.scene_strengths.indptr) + partners
    query = asked("evidence", (1,))
    everyone, upper, lower = (
        {artist.row for artist in ranked(recommender, replace(query, popularity=band))}
        for band in (PopularityBand(), PopularityBand(least=0.5), PopularityBand(most=0.4999))
    )
    assert upper | lower == everyone & set(np.flatnonzero(known).tolist())
    assert upper
    assert lower
    assert min(degree[list(upper)]) >= max(degree[list(lower)])
