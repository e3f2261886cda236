"""Weights learned from a truth file: what they are worth on artists left out, and when they are refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

import soundkin
from evaluation.cli import _keep
from evaluation.evaluate import Inputs, evaluate
from evaluation.fit_weights import FOLDS
from evaluation.gates import check_gates, read_thresholds
from evaluation.learned_profile import MIN_QUERIES, LearningResult, _folds, features, learn
from evaluation.measures.statistics import Difference, Estimate
from evaluation.report.sections import describe_learned, document
from evaluation.report.verdict import verdict
from evaluation.results import figures, read_run, to_json, write_run
from evaluation.truth import Truth, read_truth
from indexer.store.store import EmbeddingStore
from recommender.catalog.rows import ArtistGenre
from recommender.errors import BadInput
from recommender.fusion.learned_weights import Provenance, load
from recommender.fusion.profiles import LogOdds
from recommender.generation.open_generation import Generation, open_current, open_generation
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import SIGNALS
from tests.calibrated import calibrate
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_generation, make_space
from tests.indexer.build.homes import add_clip, open_catalog, run_build, run_publish, staged

GROUPS, EACH = 12, 5
MIX = {"only": 1.0}


@cache
def misled() -> Generation:
    """Sixty artists in twelve groups that sound alike; genres cut across the groups and mean nothing."""
    random = np.random.default_rng(3)
    sounds = random.normal(size=(GROUPS, 12))
    artists = tuple(
        MadeArtist(
            id=f"a{number:02d}",
            name=f"Artist {number}",
            genres={f"genre {number % 7}": 1.0},
            tracks=tuple(
                MadeTrack(id=f"t{number:02d}{n}", title=f"T{n}", vectors={"only": vector.tolist()})
                for n, vector in enumerate(sounds[number // EACH] + 0.6 * random.normal(size=(3, 12)))
            ),
        )
        for number in range(GROUPS * EACH)
    )
    return calibrate(make_generation(MadeCatalog(artists=artists, space=make_space(("only",), dim=12))))


def groups_csv(path: Path, *, queries: int = GROUPS * EACH) -> Path:
    """The groups as truth, for the first so many artists."""
    lines = [
        f"Artist {query},Artist {other}"
        for query in range(queries)
        for other in range(query // EACH * EACH, query // EACH * EACH + EACH)
        if other != query
    ]
    path.write_text("\n".join(["query,item", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return groups_csv(tmp_path_factory.mktemp("fit") / "truth.csv")


def read(path: Path) -> Truth:
    return read_truth(path, Recommender(misled()).directory)


@pytest.fixture(scope="module")
def lesson(truth: Path) -> LearningResult:
    return learn(Recommender(misled()), read(truth), MIX, k=4)


def test_weights_that_learned_to_leave_out_a_meaningless_signal_beat_evidence(lesson: LearningResult) -> None:
    learned = lesson.learned
    assert (learned.queries, learned.listed, learned.measure) == (60, 240, "nDCG@4")
    assert learned.slopes["audio"] > 4 * abs(learned.slopes["genre"])
    assert learned.held_out.mean > learned.rival.mean
    assert learned.difference.difference.low > 0
    assert learned.difference.p_value < 0.05
    assert learned.outcome == "better"
    assert "better, difference 0." in describe_learned(learned)
    assert "60 artists, 240 of them listed" in describe_learned(learned)


def test_what_evidence_gets_is_what_the_evaluation_measures(lesson: LearningResult, truth: Path) -> None:
    run = evaluate(misled(), Inputs(truth=truth, k=4))
    assert run.baseline.name == "evidence"
    assert lesson.learned.rival.mean == pytest.approx(run.baseline.measures["nDCG@4"].mean)


def test_an_artist_that_weights_are_judged_by_is_in_no_pair_they_were_learned_from(truth: Path) -> None:
    found = features(Recommender(misled()), read(truth), MIX)
    folds = list(_folds(found))
    assert len(folds) == FOLDS
    assert (found.queries != found.items).all(), "that an artist is like itself teaches nothing"
    assert sorted(artist for _, held in folds for artist in held) == list(range(60))
    for rows, held in folds:
        assert rows.any()
        assert not set(found.queries[rows].tolist()) & set(held)
        assert not set(found.items[rows].tolist()) & set(held)


def test_few_labels_are_refused_with_how_many_it_takes(tmp_path: Path) -> None:
    few = groups_csv(tmp_path / "t.csv", queries=MIN_QUERIES - 1)
    with pytest.raises(BadInput, match="19 query artists with 76 listed pairs in the generation; at least 20"):
        learn(Recommender(misled()), read(few), MIX, k=5)
    enough = groups_csv(tmp_path / "e.csv", queries=MIN_QUERIES)
    assert learn(Recommender(misled()), read(enough), MIX, k=5).learned.listed == 80


def test_kin_that_are_elsewhere_are_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("query,item\n" + "".join(f"Artist {n},Elsewhere {m}\n" for n in range(30) for m in range(5)))
    with pytest.raises(BadInput, match=r"\b0 query artists with 0 listed pairs"):
        learn(Recommender(misled()), read(path), MIX, k=5)


def test_labels_that_turn_every_signal_round_are_refused(tmp_path: Path) -> None:
    """Kin are the least alike, in sound and in genre."""
    recommender = Recommender(misled())
    lines = []
    for query in range(30):
        ranked = [each.row for each in recommender.rank_artists(ArtistQuery(seeds=(query,), mix=MIX), offset=0, n=59)]
        lines += [f"Artist {query},Artist {other}" for other in ranked[-20:]]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["query,item", *lines]) + "\n")
    with pytest.raises(BadInput, match="no signal rises with the grades") as refused:
        learn(recommender, read(path), MIX, k=5)
    assert refused.value.reason == "labels_teach_nothing"


def test_contrasts_are_the_nearest_by_each_signal_and_never_artists_that_the_scene_lists(truth: Path) -> None:
    found = features(Recommender(misled()), read(truth), MIX)
    # Sixty artists: everybody but the query itself is among the nearest hundred by sound.
    assert np.bincount(found.queries).tolist() == [59] * 60
    listed = _scene_misled()
    among = features(Recommender(listed), read_truth(truth, Recommender(listed).directory), MIX)
    of_first = set(among.items[among.queries == 0].tolist())
    assert 30 not in of_first, "the scene lists it with the query, and the truth does not"
    assert 1 in of_first, "the truth lists it"


def _scene_misled() -> Generation:
    """The same, with a scene that lists the first artist with one of its own group and with a stranger."""
    made = misled()
    relations = made.contents.relations
    dense = np.zeros((60, 60))
    dense[0, [1, 30]] = dense[[1, 30], 0] = 1.0
    mentioned = np.zeros(60, dtype=bool)
    mentioned[[0, 1, 30]] = True
    listed = replace(
        relations, scene_strengths=csr_array(dense), scene_walk=None, scene_mentioned=mentioned, scene_listed=mentioned
    )
    return replace(made, contents=replace(made.contents, relations=listed))


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.01, 0.1, "better"), (-0.1, -0.01, "worse"), (-0.01, 0.1, "no clear difference")],
)
def test_only_an_interval_without_0_is_a_win_or_a_loss(
    lesson: LearningResult, low: float, high: float, outcome: str
) -> None:
    found = Difference(
        difference=Estimate(mean=(low + high) / 2, low=low, high=high, n=60), p_value=0.5, detectable=0.1
    )
    assert replace(lesson.learned, difference=found).outcome == outcome


def test_what_was_learned_is_in_the_run_the_verdict_and_the_report(
    lesson: LearningResult, truth: Path, tmp_path: Path
) -> None:
    run = evaluate(misled(), Inputs(truth=truth, k=4, learned=lesson.learned))
    assert to_json(read_run(write_run(run, tmp_path))) == to_json(run)
    held = check_gates(read_thresholds(), figures(run))
    judged = verdict(run, held)
    assert any("better than evidence" in reason for reason in judged.reasons)
    assert any("use the profile fitted" in action for action in judged.actions)
    section = next(each for each in document(run, held, judged).sections if each.title.startswith("Weights learned"))
    assert section.table is not None
    assert [row[0] for row in section.table.rows] == [*(signal.value for signal in SIGNALS), "intercept"]
    against = replace(run, learned=replace(lesson.learned, refused=("genre",)))
    section = next(
        each for each in document(against, held, judged).sections if each.title.startswith("Weights learned")
    )
    assert section.table is not None
    assert [row[0] for row in section.table.rows if row[3]] == ["genre"]


def test_the_weights_learned_are_a_profile_of_the_four_signals(lesson: LearningResult) -> None:
    profile = lesson.weights.profile
    assert isinstance(profile, LogOdds)
    assert profile.slopes[0] == lesson.learned.slopes["audio"]


SPACE = make_space(("only",), dim=12)
NUMBER = GROUPS * EACH


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty artists of two tracks, in groups that sound somewhat alike; genres cut across the groups. Published."""
    home = tmp_path_factory.mktemp("labelled")
    random = np.random.default_rng(5)
    with open_catalog(home) as catalog:
        clips = [
            add_clip(catalog, f"Artist {number}", f"Track {number}.{n}", 0) for number in range(NUMBER) for n in (0, 1)
        ]
        near = random.normal(size=(GROUPS, 12))[np.arange(2 * NUMBER) // (2 * EACH)]
        vectors = (near + 0.8 * random.normal(size=near.shape)).astype(np.float32)
        EmbeddingStore(home, SPACE).append(clips, vectors[:, np.newaxis], space=SPACE)
        catalog.mark_done(SPACE.key, clips)
        catalog.ensure_source("dump", "CC0-1.0")
        owners = {artist.name: artist.id for artist in catalog.read_artists()}
        catalog.add_genres(
            [
                ArtistGenre(
                    artist_id=owners[f"Artist {number}"], genre=f"genre {number % 7}", source="dump", weight=1.0
                )
                for number in range(NUMBER)
            ]
        )
    run_build(home, space=SPACE)
    run_publish(home)
    return home


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        soundkin.main(list(words))
    return int(left.value.code or 0)


def test_weights_learned_from_a_file_are_a_profile_of_the_next_build(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = groups_csv(tmp_path / "truth.csv")
    assert run("evaluate", str(truth), "--fit", "--k", "4", "--home", str(home), "--out", str(tmp_path / "r")) == 0
    said = capsys.readouterr().err
    assert "Learned from" in said
    assert "240 of them listed" in said
    assert "against evidence" in said
    weights, provenance = load(home / "fitted.json")
    assert provenance.labels_sha256 == hashlib.sha256(truth.read_bytes()).hexdigest()
    assert provenance.space == SPACE.fingerprint
    assert (weights.queries, weights.slopes[0] > 0) == (NUMBER, True)
    written = json.loads((tmp_path / "r" / "evaluation.json").read_text())
    assert written["learned"]["slopes"]["audio"] == weights.slopes[0]
    assert (tmp_path / "r" / "similarities.csv").read_text().count("\n") == 1 + NUMBER * (NUMBER - 1) // 2
    run_build(home, space=SPACE)
    built = open_generation(staged(home))
    profile = built.calibration.choices.named["fitted"]
    assert profile == weights.profile
    query = ArtistQuery(seeds=(0,), mix={"only": 1.0}, weights=profile)
    ranked = Recommender(built).rank_artists(query, offset=0, n=NUMBER)
    own = int(built.contents.artists.names[0].removeprefix("Artist ")) // EACH
    kin = [int(built.contents.artists.names[each.row].removeprefix("Artist ")) // EACH == own for each in ranked]
    assert sum(kin[:8]) >= 3, "of four"


def test_few_labels_end_it_before_anything_is_measured(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "fitted.json").unlink(missing_ok=True)
    truth = groups_csv(tmp_path / "t.csv", queries=5)
    assert run("evaluate", str(truth), "--fit", "--home", str(home)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "5 query artists with 20 listed pairs" in said.err
    assert not (home / "fitted.json").exists()


def test_weights_that_do_not_beat_those_without_labels_are_not_kept(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recommender = Recommender(open_current(home))
    truth = groups_csv(tmp_path / "t.csv")
    lesson = learn(recommender, read_truth(truth, recommender.directory), {"only": 1.0}, k=5)
    below = Estimate(mean=-0.2, low=-0.3, high=-0.1, n=60)
    made = Provenance(labels_sha256="0" * 64, date="2026-11-21", space=SPACE.fingerprint)
    worse = replace(lesson.learned, difference=replace(lesson.learned.difference, difference=below))
    (tmp_path / "home").mkdir()
    assert not _keep(tmp_path / "home", replace(lesson, learned=worse), made)
    around = Estimate(mean=0.01, low=-0.01, high=0.03, n=60)
    no_clearer = replace(lesson.learned, difference=replace(lesson.learned.difference, difference=around))
    assert not _keep(tmp_path / "home", replace(lesson, learned=no_clearer), made)
    assert "not kept" in capsys.readouterr().err
    assert not (tmp_path / "home" / "fitted.json").exists()
    assert _keep(tmp_path / "home", lesson, made)
    assert (tmp_path / "home" / "fitted.json").exists()
