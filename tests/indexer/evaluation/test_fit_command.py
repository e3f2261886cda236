"""From labels to a profile that is served: `soundkin evaluate --fit`, then the next build."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import soundkin
from evaluation.cli import _keep
from evaluation.learned_profile import learn
from evaluation.measures.statistics import Estimate
from evaluation.truth import read_truth
from indexer.store.store import EmbeddingStore
from recommender.fusion.learned_weights import Provenance, load
from recommender.generation.open_generation import open_current, open_generation
from recommender.ranking.artists import ArtistQuery, Recommender
from tests.factories import make_space
from tests.indexer.building.homes import add_clip, open_catalog, run_build, run_publish, staged
from tests.indexer.evaluation.test_fitting import EACH, GROUPS, groups_csv

SPACE = make_space(("only",), dim=12)
NUMBER = GROUPS * EACH


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty artists of two tracks, in groups that sound alike, published."""
    home = tmp_path_factory.mktemp("labelled")
    random = np.random.default_rng(5)
    with open_catalog(home) as catalog:
        clips = [
            add_clip(catalog, f"Artist {number}", f"Track {number}.{n}", 0) for number in range(NUMBER) for n in (0, 1)
        ]
        near = random.normal(size=(GROUPS, 12))[np.arange(2 * NUMBER) // (2 * EACH)]
        vectors = (near + 0.2 * random.normal(size=near.shape)).astype(np.float32)
        EmbeddingStore(home, SPACE).append(clips, vectors[:, np.newaxis], space=SPACE)
        catalog.mark_done(SPACE.key, clips)
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
    best = Recommender(built).rank_artists(query, offset=0, n=4)
    names = {built.contents.artists.names[each.row] for each in best}
    own = int(built.contents.artists.names[0].removeprefix("Artist ")) // EACH
    assert names == {f"Artist {number}" for number in range(own * EACH, own * EACH + EACH)} - {
        built.contents.artists.names[0]
    }


def test_few_labels_end_it_before_anything_is_measured(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "fitted.json").unlink(missing_ok=True)
    truth = groups_csv(tmp_path / "t.csv", queries=5)
    assert run("evaluate", str(truth), "--fit", "--home", str(home)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "5 artists with 20 kin" in said.err
    assert not (home / "fitted.json").exists()


def test_weights_that_do_worse_than_those_without_labels_are_not_kept(
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
    assert "not kept" in capsys.readouterr().err
    assert not (tmp_path / "home" / "fitted.json").exists()
    assert _keep(tmp_path / "home", lesson, made)
    assert (tmp_path / "home" / "fitted.json").exists()
