"""A generation whose answers are known, measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation import pairs
from evaluation.evaluate import EvaluationSetup, Inputs, evaluate
from evaluation.fit_weights import fit
from evaluation.gates import check_gates, read_thresholds
from evaluation.layer_views import sample_artists
from evaluation.learned_profile import features
from evaluation.pairs import measure_shown
from evaluation.report.comparison import compare_runs
from evaluation.report.verdict import verdict
from evaluation.results import EvaluationRun, SystemResult, figures, read_run, to_json, write_run
from evaluation.systems import popularity_of, popularity_system, systems
from evaluation.truth import GradedArtist, Truth, read_truth
from recommender.errors import BadInput
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import SIGNALS, Scale, SignalName
from tests.calibrated import calibrated
from tests.evaluation.kin import NOISE, SOUND, artist_id, catalog, families_csv, name
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_generation, make_space

EMPTY_LIST = "Silent,Nobody,1"
"""A query of the catalog whose whole list is elsewhere: ceiling 0."""
SHUFFLED = "query,item\n" + "".join(
    f"{name(family, member)},{name((family + 1) % 4, member)}\n" for family in range(4) for member in range(3)
)


@pytest.fixture(scope="module")
def generation() -> Generation:
    return make_generation(catalog())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EvaluationRun:
    """The families as truth, one query with nothing to find, a list length of 2, and three pairs."""
    folder = tmp_path_factory.mktemp("measured")
    pairs = folder / "pairs.csv"
    pairs.write_text(
        "a,b,expected,least,most,before\n"
        f"{name(0, 0)},{name(1, 1)},low,,0.4,0.8\n"
        f"{name(0, 0)},{name(0, 1)},high,0.6,,\n"
        f"{name(0, 0)},Silent,high,0.6,,\n"
        f"{name(0, 0)},Nobody,low,,,\n"
    )
    truth = families_csv(folder / "truth.csv", [EMPTY_LIST])
    return evaluate(make_generation(catalog()), Inputs(truth=truth, pairs=pairs, k=2))


def system(run: EvaluationRun, wanted: str) -> SystemResult:
    return next(each for each in run.systems if each.name == wanted)


def test_the_audio_finds_every_family_and_the_query_without_a_ceiling_is_not_averaged(run: EvaluationRun) -> None:
    audio = system(run, "audio alone")
    assert audio.overlap.overlap.mean == audio.overlap.ceiling == 1.0
    assert (audio.overlap.overlap.n, audio.overlap.undefined) == (12, 1)
    assert audio.measures["RR"].mean == 1.0
    assert audio.measures["nDCG@2"].n == 12
    assert run.truth is not None
    assert run.truth.undefined == ("Silent",)
    assert [query.values["audio alone"] for query in run.queries if query.ceiling == 0.0] == [
        pytest.approx(np.nan, nan_ok=True)
    ]


def test_chance_is_two_relevant_artists_among_twelve_others(run: EvaluationRun) -> None:
    assert system(run, "popularity").overlap.chance == pytest.approx(2 / 12)


def test_every_signal_is_measured_alone_and_left_out(run: EvaluationRun) -> None:
    kinds = {each.name: each.kind for each in run.systems}
    assert run.no_data == ("collaboration",)
    for signal in SIGNALS:
        measured = signal is not SignalName.COLLABORATION
        assert kinds.get(f"{signal.value} alone") == ("alone" if measured else None)
        assert kinds.get(f"without {signal.value}") == ("without" if measured else None)
    assert kinds["popularity"] == "popularity"
    assert run.asked.baseline in kinds
    assert len(run.comparisons) == len(run.systems) - 1


def test_the_layer_that_separates_families_is_chosen_and_the_layer_of_noise_is_at_chance(
    run: EvaluationRun,
) -> None:
    views = {view.name: view for view in run.views}
    assert run.selection.best == SOUND
    assert run.selection.tied == ()
    assert views[SOUND].split.mean == 1.0
    assert views[NOISE].split.mean < 0.6
    assert views[SOUND].separation.auc == 1.0
    assert abs(views[NOISE].separation.auc - 0.5) < 0.3
    assert run.selection.separated_best == SOUND


def test_an_artist_near_everyone_is_named_as_a_hub() -> None:
    """Seven artists at right angles, and one in the middle of them all."""
    directions = [*np.eye(7).tolist(), np.ones(7).tolist()]
    artists = tuple(
        MadeArtist(id=f"a{n}", name=f"N{n}", tracks=(MadeTrack(title="t", id=f"t{n}", vectors={"low": vector}),))
        for n, vector in enumerate(directions)
    )
    generation = make_generation(MadeCatalog(artists=artists, space=make_space(("low",), dim=7)))
    (view,) = evaluate(generation, Inputs(k=1)).views
    assert view.everywhere == ("N7",)
    assert view.hubs.largest == 7
    assert view.hub_share == pytest.approx(1.0), "one number an artist says it all: 1 in the middle, 0 elsewhere"
    (wide,) = evaluate(generation, Inputs(k=5)).views
    assert wide.everywhere == (), "five of seven are near anyone, which makes no hub"


def test_slices_split_the_queries_and_say_how_many(run: EvaluationRun) -> None:
    """Three artists are listed in the scene, of 13; the other ten have nobody at all, so they are niche."""
    slices = system(run, "audio alone").slices
    assert (slices["niche"].n, slices["not niche"].n, slices["no scene data"].n) == (9, 3, 9)


def test_the_niche_is_a_third_where_popularity_tells_artists_apart(run: EvaluationRun) -> None:
    popularity = np.arange(9.0)
    lists: dict[int, tuple[GradedArtist, ...]] = {
        row: (GradedArtist(label="", row=(row + 1) % 9, grade=1.0),) for row in range(9)
    }
    setup = EvaluationSetup(
        truth=Truth(rows=9, lists=lists, rejected=()),
        asked=run.asked,
        popularity=popularity,
        has_scene=popularity > 4,
        vectors_of=lambda rows: np.empty((0, 1), dtype=np.float32),
        label_free=np.arange(9),
        listed=lambda row: np.empty(0, dtype=np.int64),
    )
    assert {name: np.flatnonzero(chosen).tolist() for name, chosen in setup.slices.items()} == {
        "niche": [0, 1, 2],
        "not niche": [3, 4, 5, 6, 7, 8],
        "no scene data": [0, 1, 2, 3, 4],
    }


def test_of_many_artists_those_of_the_truth_are_sampled_first(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = np.flatnonzero(generation.contents.artists.vector_row >= 0).tolist()
    sample = sample_artists(generation, {embedded[-1]: frozenset({embedded[-2]})})
    signal = Recommender(generation).audio({SOUND: 1.0})
    monkeypatch.setattr(pairs, "MAX_SHOWN_ARTISTS", 3)
    found = measure_shown(signal, sample)
    assert (found.spread.pairs, found.separation.related) == (3, 1)


def test_listed_pairs_that_are_in_the_scene_data_are_counted(run: EvaluationRun) -> None:
    assert run.truth is not None
    assert (run.truth.pairs, run.truth.in_scene) == (24, 4)
    assert any("17% of the listed pairs are in the scene data" in sentence for sentence in verdict(run, ()).limits)


def test_pairs_are_compared_with_their_targets(run: EvaluationRun) -> None:
    low, high, silent = run.pairs
    assert (low.status, high.status, silent.status) == ("in range", "in range", "no audio")
    assert low.change == pytest.approx(low.value - 0.8)
    assert low.cosine.low < low.cosine.mean < low.cosine.high
    assert [layer.view for layer in low.layers] == [SOUND, NOISE]
    assert [each.reason for each in run.pairs_rejected] == ["not_in_generation"]


def test_the_mean_over_pairs_of_tracks_is_the_cosine_times_both_coherences(run: EvaluationRun) -> None:
    """The mean of the 16 track cosines is the artists' cosine times the lengths of both means, so never more."""
    generation = make_generation(catalog())
    tracks = generation.contents.tracks
    one, other = (
        generation.tracks[SOUND].vectors(tracks.vector_row[tracks.artist == row]).astype(np.float64) for row in (0, 1)
    )
    layer = run.pairs[1].layers[0]
    lengths = np.linalg.norm(one.mean(axis=0)) * np.linalg.norm(other.mean(axis=0))
    assert layer.tracks.mean == pytest.approx(np.mean([a @ b for a in one for b in other]))
    assert layer.tracks.mean == pytest.approx(layer.cosine * lengths, abs=1e-6)
    assert layer.tracks.least < layer.tracks.mean < layer.tracks.most


def test_a_run_is_the_same_after_writing_and_reading(run: EvaluationRun, tmp_path: Path) -> None:
    path = write_run(run, tmp_path / "deep" / "folder")
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert to_json(read_run(tmp_path / "deep" / "folder")) == to_json(run)


def test_the_same_generation_measures_the_same(generation: Generation, tmp_path: Path) -> None:
    truth = families_csv(tmp_path / "t.csv")
    once, again = (evaluate(generation, Inputs(truth=truth, k=2)) for _ in range(2))
    assert to_json(once) == to_json(replace(again, made_at=once.made_at))


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 1}', '{"format": 99}', "no json"])
def test_a_file_that_is_no_run_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(text)
    with pytest.raises(BadInput):
        read_run(path)


@pytest.mark.parametrize(
    ("part", "name", "value", "problem"),
    [("pool", "artists", "many", "int is wanted, not 'many'"), ("selection", "halves", {"a": 10**400}, "too large")],
)
def test_a_run_with_something_else_for_a_number_is_refused(
    run: EvaluationRun, tmp_path: Path, part: str, name: str, value: object, problem: str
) -> None:
    data = json.loads(to_json(run))
    data[part][name] = value
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(data))
    with pytest.raises(BadInput, match=problem):
        read_run(path)


def test_a_run_without_its_baseline_is_refused(run: EvaluationRun, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(to_json(replace(run, systems=run.systems[1:])))
    with pytest.raises(BadInput, match="no result of its baseline"):
        read_run(path)


def test_without_truth_what_needs_no_labels_is_measured(generation: Generation) -> None:
    found = evaluate(generation, Inputs(k=2))
    assert found.truth is None
    assert found.comparisons == ()
    assert found.queries == ()
    assert found.selection.best == SOUND
    assert found.baseline.overlap.summary == "no queries"
    assert found.baseline.exposure.queries == 13
    assert verdict(found, check_gates(read_thresholds(), figures(found))).limits[0].startswith("There is no truth")


def test_without_audio_the_first_action_is_to_embed(tmp_path: Path) -> None:
    artists = tuple(MadeArtist(id=str(n), name=f"N{n}", genres={"folk": 1.0}) for n in range(3))
    truth = tmp_path / "t.csv"
    truth.write_text("query,item\nN0,N1\n")
    found = evaluate(make_generation(MadeCatalog(artists=artists)), Inputs(truth=truth))
    judged = verdict(found, check_gates(read_thresholds(), figures(found)))
    assert found.views == ()
    assert judged.actions[0].startswith("Embed the music")
    assert judged.status == "failed", "three artists of one genre: the overlap is chance"


def test_when_nothing_could_be_found_the_verdict_says_so(generation: Generation, tmp_path: Path) -> None:
    truth = tmp_path / "t.csv"
    truth.write_text(f"query,item\n{name(0, 0)},Nobody\n{name(1, 0)},No One\n")
    found = evaluate(generation, Inputs(truth=truth))
    assert found.baseline.overlap.summary == "undefined (ceiling 0) for all 2 queries"
    assert np.isnan(figures(found)["overlap"])
    judged = verdict(found, check_gates(read_thresholds(), figures(found)))
    assert any(action.startswith("Widen the catalog") for action in judged.actions)


def test_two_runs_are_compared_query_by_query(run: EvaluationRun, generation: Generation, tmp_path: Path) -> None:
    wrong = tmp_path / "t.csv"
    wrong.write_text(SHUFFLED)
    other = evaluate(generation, Inputs(truth=wrong, k=2))
    found = compare_runs(run, other)
    assert found.primary.difference.n == 12
    assert found.primary.difference.mean > 0.5
    assert found.primary.p_value < 0.01
    overlap = next(each for each in found.figures if each.name == "overlap")
    assert overlap.change == overlap.after - overlap.before
    assert overlap.change > 0
    assert any("another truth file" in note for note in found.notes)
    assert (
        compare_runs(run, replace(other, asked=replace(other.asked, primary="nDCG@9", k=9))).primary.difference.n == 0
    )


def test_systems_rank_as_requests_are_answered(generation: Generation) -> None:
    recommender = Recommender(generation)
    default = systems(recommender, {SOUND: 1.0}, popularity_of(generation))[0]
    assert default.name == generation.calibration.choices.default.name
    for query in range(13):
        asked = ArtistQuery(seeds=(query,), mix={SOUND: 1.0})
        scores = [each.score for each in recommender.rank_artists(asked, offset=0, n=5)]
        keys = recommender.order_keys(replace(asked, seeds=(query,)))
        ranked = default.rank(query, 5)
        assert keys[ranked.rows].tolist() == pytest.approx(scores, abs=1e-12)
        assert ranked.tied.tolist() == [np.count_nonzero(keys == keys[row]) > 1 for row in ranked.rows]


def test_popularity_ranks_everyone_alike_but_oneself(generation: Generation) -> None:
    popularity = popularity_of(generation)
    assert popularity[:3].tolist() == [2.0, 1.0, 1.0], "listed with two, one and one; nobody else is"
    assert popularity[3:].sum() == 0
    ranked = popularity_system(popularity).rank(2, 3)
    assert ranked.rows[:2].tolist() == [0, 1]
    assert ranked.tied.tolist() == [False, False, True], "ten artists that nobody lists: who is third is drawn"
    assert set(popularity_system(popularity).rank(0, 3).rows[:2].tolist()) == {1, 2}
    assert (
        popularity_system(popularity).rank(0, 3).rows.tolist() == popularity_system(popularity).rank(0, 3).rows.tolist()
    )


def test_a_popularity_from_imports_replaces_the_counts(generation: Generation) -> None:
    artists = generation.contents.artists
    given = np.full(len(artists.ids), np.nan)
    given[5] = 0.9
    contents = replace(generation.contents, artists=replace(artists, popularity=given))
    popularity = popularity_of(replace(generation, contents=contents))
    assert popularity.argmax() == 5
    assert popularity[5] == pytest.approx(0.9 * len(given))
    assert not np.isnan(popularity).any()
    assert popularity[0] > popularity[1] > popularity[6] == 0.0, "listed with two, with one, with nobody"


def test_features_hold_every_listed_pair_and_the_contrasts(generation: Generation, tmp_path: Path) -> None:
    recommender = Recommender(generation)
    truth = read_truth(families_csv(tmp_path / "t.csv"), recommender.directory)
    found = features(recommender, truth, {SOUND: 1.0})
    assert np.count_nonzero(found.grades) == 24
    assert (found.queries != found.items).all()
    first = {int(item): place for place, item in enumerate(found.items) if found.queries[place] == 0}
    strength = recommender.audio({SOUND: 1.0}).strengths((0,))[0]
    assert found.strengths[first[5], 0] == pytest.approx(strength[5])
    assert np.isnan(found.strengths[first[12]][0]), "Silent has no audio"
    audio = found.strengths[:, 0]
    assert np.nanmin(audio[found.grades > 0]) > np.nanmax(audio[found.grades == 0])
    assert np.isnan(found.strengths[:, 3]).all(), "nobody recorded with anybody"
    assert recommender.generation.contents.artists.ids[0] == artist_id(0, 0)


def test_weights_can_be_learned_from_features(generation: Generation, tmp_path: Path) -> None:
    recommender = Recommender(generation)
    truth = read_truth(families_csv(tmp_path / "t.csv"), recommender.directory)
    found = features(recommender, truth, {SOUND: 1.0})
    fitted = fit(found.strengths, found.grades, found.queries)
    assert (fitted.queries, fitted.pairs) == (12, int((~np.isnan(found.strengths).all(axis=1)).sum()))
    assert fitted.slopes[0] > 0, "audio separates families"
    assert fitted.slopes[3] == 0, "nobody recorded with anybody"


def test_weights_are_learned_from_what_a_generation_reads(tmp_path: Path) -> None:
    recommender = Recommender(calibrated())
    (tmp_path / "t.csv").write_text("query,item\nArtist 0,Artist 6\nArtist 0,Artist 12\nArtist 3,Artist 9\n")
    truth = read_truth(tmp_path / "t.csv", recommender.directory)
    found = features(recommender, truth, {"low": 1.0})
    assert len(found.queries) > 40
    for query, item, strengths in zip(found.queries, found.items, found.strengths, strict=True):
        read = recommender.panel({"low": 1.0}).read(int(query), Scale.STRENGTHS, np.array([item]))
        np.testing.assert_array_equal(strengths, read[:, 0])
