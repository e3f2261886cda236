"""Trees learned from a truth file and from hidden listings: when they win, when they are refused, and what they see."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

import soundkin
from evaluation import learned_trees
from evaluation.cli import _keep_ranking
from evaluation.learned_profile import answerable
from evaluation.learned_trees import (
    RankingResult,
    TrainingPairs,
    fit_trees,
    hidden_pairs,
    learn_ranking,
    training_pairs,
    without_listings,
)
from evaluation.measures.statistics import Estimate
from evaluation.truth import Truth, read_truth
from indexer.build.scene_walk import scene_walk
from recommender.catalog.rows import ArtistGenre, SceneEdge, SceneList
from recommender.errors import BadInput
from recommender.fusion.boosted_trees import FEATURES, Trees, load_ranking
from recommender.fusion.learned_weights import Provenance
from recommender.generation.open_generation import Generation, open_generation
from recommender.ranking import artists
from recommender.ranking.artists import ArtistQuery, Recommender
from recommender.types import Scale, SignalName
from tests.catalog_rows import add_artist
from tests.factories import MadeArtist, MadeCatalog, make_generation
from tests.indexer.build.homes import SPACE, open_catalog, run_build, run_publish, staged

pytest.importorskip("lightgbm")

ARTISTS, GROUP = 240, 10
MIX = {"low": 1.0}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much is learned as a test has time for."""
    monkeypatch.setattr(learned_trees, "ROUNDS", 30)
    monkeypatch.setattr(learned_trees, "MIN_LISTINGS", 100)
    monkeypatch.setattr(learned_trees, "MAX_HIDDEN_QUERIES", 60)
    for module in (learned_trees, artists):
        monkeypatch.setattr(module, "RERANKED", 100)


def mates(number: int) -> list[int]:
    start = number // GROUP * GROUP
    return [other for other in range(start, start + GROUP) if other != number]


@cache
def listings() -> tuple[tuple[int, int], ...]:
    """Each artist lists three of its group and a stranger."""
    random = np.random.default_rng(11)
    return tuple(
        (number, int(other))
        for number in range(ARTISTS)
        for other in (*random.permutation(mates(number))[:3], random.permutation(ARTISTS)[0])
        if other != number
    )


@cache
def genres() -> tuple[tuple[str, ...], ...]:
    """One of six genres for each, which mean nothing."""
    random = np.random.default_rng(12)
    return tuple(tuple(f"genre {one}" for one in random.permutation(6)[:1]) for _ in range(ARTISTS))


@cache
def misled() -> Generation:
    """The scene knows something of the groups, the genres cut across them, and nobody has audio."""
    return make_generation(
        MadeCatalog(
            artists=tuple(
                MadeArtist(id=f"a{number:03d}", name=f"Artist {number}", genres=dict.fromkeys(genres()[number], 1.0))
                for number in range(ARTISTS)
            ),
            scene={(f"a{a:03d}", f"a{b:03d}"): 1.0 for a, b in listings()},
            scene_listed=tuple(f"a{number:03d}" for number in range(ARTISTS)),
        )
    )


def truth_csv(path: Path, *, queries: int = ARTISTS, shuffled: bool = False) -> Path:
    """The group of each artist, less those that are listed with it; or as many artists drawn at random."""
    random = np.random.default_rng(13)
    together = {*listings(), *((b, a) for a, b in listings())}
    lines = ["query,item"]
    for query in range(queries):
        wanted = [other for other in mates(query) if (query, other) not in together]
        others = np.setdiff1d(np.arange(ARTISTS), [query])
        items = random.permutation(others)[: len(wanted)].tolist() if shuffled else wanted
        lines += [f"Artist {query},Artist {item}" for item in items]
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path: Path) -> Truth:
    return read_truth(path, Recommender(misled()).directory)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return read(truth_csv(tmp_path_factory.mktemp("trees") / "truth.csv"))


def learn(truth: Truth) -> RankingResult:
    return learn_ranking(Recommender(misled()), truth, MIX, k=5)


def test_trees_that_learned_to_leave_out_a_meaningless_signal_beat_the_default(truth: Truth) -> None:
    result = learn(truth)
    assert result.wins
    assert result.difference.difference.low > 0.02
    assert result.held_out.mean > result.rival.mean
    assert result.measure == "nDCG@5"
    assert 40 < result.hidden_queries <= 60
    assert 200 < result.queries <= ARTISTS
    assert (
        f"trees learned from {result.queries} artists of the truth and {result.hidden_queries} with hidden listings"
        in result.summary
    )
    assert "against evidence 0." in result.summary
    recommender = Recommender(misled())
    found = recommender.rank_artists(ArtistQuery(seeds=(0,), mix=MIX, weights=result.ranking), offset=0, n=5)
    assert sum(one.row in mates(0) for one in found) >= 4


def test_trees_learned_from_shuffled_labels_are_refused(tmp_path: Path) -> None:
    result = learn(read(truth_csv(tmp_path / "t.csv", shuffled=True)))
    assert not result.wins
    assert abs(result.difference.difference.mean) < 0.05


def test_pairs_that_the_scene_lists_neither_teach_nor_judge(truth: Truth) -> None:
    recommender = Recommender(misled())
    assert learned_trees.without_listed(recommender, truth) == truth
    (first, *_), (a, b) = truth.lists[0], listings()[0]
    assert a == 0
    named = replace(truth, lists={0: (first, replace(first, row=b))})
    assert learned_trees.without_listed(recommender, named).lists == {0: (first,)}


def test_trees_are_the_same_each_time(truth: Truth) -> None:
    pairs = training_pairs(Recommender(misled()), truth, MIX)
    hidden = hidden_pairs(misled(), MIX)
    assert pairs is not None
    assert hidden is not None
    one, other = (fit_trees(pairs, hidden) for _ in range(2))
    for each in fields(Trees):
        np.testing.assert_array_equal(getattr(one.trees, each.name), getattr(other.trees, each.name))
    assert (one.intercept, one.slope) == (other.intercept, other.slope)
    assert len(one.trees.roots) == 30


def test_scores_have_the_spread_of_the_default_and_nothing_known_its_base(truth: Truth) -> None:
    pairs = training_pairs(Recommender(misled()), truth, MIX)
    assert pairs is not None
    ranking = fit_trees(pairs)
    assert ranking.base == pytest.approx(0.25)
    scores = ranking.score(pairs.table.T)
    assert 0.2 < np.quantile(scores, 0.05) < np.quantile(scores, 0.95) < 0.95
    assert np.corrcoef(scores, pairs.evidence)[0, 1] > 0.3


def test_few_labels_are_refused_with_how_many_it_takes(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"199 query artists with .* in the generation; at least 200 artists") as refused:
        learn(read(truth_csv(tmp_path / "t.csv", queries=199)))
    assert refused.value.reason == "too_few_labels"


def test_labels_that_the_default_does_not_reach_teach_nothing(truth: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned_trees, "RERANKED", 0)
    with pytest.raises(BadInput, match="too few of the listed artists are among the first 0") as refused:
        learn(truth)
    assert refused.value.reason == "labels_teach_nothing"


def test_without_lightgbm_it_says_what_to_install(truth: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(BadInput, match=r"needs LightGBM: pip install 'soundkin\[rank\]'") as refused:
        learn(truth)
    assert refused.value.reason == "not_installed"


def test_what_is_learned_from_is_what_is_ordered_later(truth: Truth) -> None:
    recommender = Recommender(misled())
    pairs = training_pairs(recommender, truth, MIX)
    assert pairs is not None
    own = pairs.queries == 7
    first = recommender.order_artists(
        ArtistQuery(seeds=(7,), mix=MIX, exclude=frozenset(recommender.scene_neighbours(7).tolist())), n=100
    )
    assert sorted(pairs.items[own].tolist()) == sorted(first.tolist())
    graded = pairs.items[own][pairs.grades[own] > 0].tolist()
    assert graded == sorted({*truth.grades(7)} & {*first.tolist()})
    np.testing.assert_array_equal(pairs.table[own].T, recommender.panel(MIX).read(7, Scale.FEATURES, pairs.items[own]))


def test_an_artist_that_trees_are_judged_by_is_in_no_pair_they_were_learned_from(truth: Truth) -> None:
    pairs, usable = training_pairs(Recommender(misled()), truth, MIX), answerable(truth)
    assert pairs is not None
    queries = np.array(sorted(usable.lists))
    first, second = ([queries[places].tolist() for places in learned_trees._folds(queries, draw)] for draw in (0, 1))
    assert first != second
    assert sorted(artist for held in first for artist in held) == sorted(usable.lists)
    for held in first:
        left = pairs.without(held)
        assert len(left.queries)
        assert not {*left.queries.tolist(), *left.items.tolist()} & {*held}
        assert len(left.queries) == len(left.items) == len(left.table) == len(left.grades) == len(left.evidence)


def hiding(monkeypatch: pytest.MonkeyPatch) -> tuple[Generation, Truth]:
    """The generation without the hidden listings, and the truth of those, as they are learned from."""
    seen: list[tuple[Recommender, Truth]] = []

    def look(recommender: Recommender, truth: Truth, _: object) -> TrainingPairs | None:
        seen.append((recommender, truth))
        return None

    with monkeypatch.context() as patch:
        patch.setattr(learned_trees, "training_pairs", look)
        assert hidden_pairs(misled(), MIX) is None
    ((recommender, truth),) = seen
    return recommender.generation, truth


def test_hidden_listings_are_gone_from_all_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    poorer, truth = hiding(monkeypatch)
    whole, kept = (each.contents.relations.scene_strengths.toarray() for each in (misled(), poorer))
    np.testing.assert_array_equal(kept, kept.T)
    assert (kept <= whole).all()
    gone = np.argwhere(np.triu((whole > 0) & (kept == 0)))
    assert 0.2 < len(gone) / np.count_nonzero(np.triu(whole)) < 0.4
    pairs = {(query, item) for query, items in truth.lists.items() for item in (one.row for one in items)}
    assert pairs
    assert pairs <= {*map(tuple, gone.tolist()), *map(tuple, gone[:, ::-1].tolist())}
    for query in truth.lists:  # all that is hidden of a query is in its list, so nothing hidden counts as a contrast
        assert {other for one, other in pairs if one == query} == {*np.flatnonzero((whole > kept)[query]).tolist()}
    # What the walk and the features read is a function of the listings that are left.
    walk = poorer.contents.relations.scene_walk
    assert walk is not None
    np.testing.assert_array_equal(walk.toarray(), scene_walk(learned_trees._walk_graph(csr_array(kept))).toarray())
    assert poorer.candidates is None


def test_a_hidden_listing_says_nothing_of_its_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing else joins the two: the features are those of a pair that was never listed."""
    lonely = make_generation(
        MadeCatalog(
            artists=tuple(MadeArtist(id=f"b{number}", name=f"B {number}") for number in range(6)),
            scene={("b0", "b1"): 1.0, ("b0", "b2"): 1.0, ("b3", "b4"): 1.0, ("b4", "b5"): 1.0},
            scene_listed=tuple(f"b{number}" for number in range(6)),
        )
    )
    poorer = without_listings(lonely, np.array([0]), np.array([1]))
    read = Recommender(poorer).panel(MIX).read(0, Scale.FEATURES, np.arange(6))
    scene = [place for place, one in enumerate(FEATURES) if one.signal is SignalName.SCENE and one.rising]
    assert not read[scene][:, [1, 3, 4, 5]].any()
    assert read[scene][:, 2].any()


def test_few_listings_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned_trees, "MIN_LISTINGS", 10_000)
    assert hidden_pairs(misled(), MIX) is None


def test_weak_listings_are_weak_steps_and_none_is_nothing() -> None:
    strengths = csr_array(np.array([[0, 1.0, 1e-4], [1.0, 0, 0.5], [1e-4, 0.5, 0]]))
    np.testing.assert_allclose(
        learned_trees._walk_graph(strengths).toarray(), [[0, 1.0, 0.1], [1.0, 0, 0.8], [0.1, 0.8, 0]]
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same artists in a catalog, built and published."""
    home = tmp_path_factory.mktemp("labelled")
    with open_catalog(home) as catalog, catalog.transaction():
        catalog.ensure_source("dump", "CC0-1.0")
        ids = [add_artist(catalog, f"Artist {number}") for number in range(ARTISTS)]
        catalog.add_genres(
            [
                ArtistGenre(artist_id=ids[number], genre=genre, source="dump", weight=1.0)
                for number in range(ARTISTS)
                for genre in genres()[number]
            ]
        )
        catalog.add_scene_lists([SceneList(source="dump", artist_id=one) for one in ids])
        catalog.add_scene_edges(
            [SceneEdge(source="dump", artist_id=ids[a], neighbour_id=ids[b]) for a, b in listings()]
        )
    run_build(home)
    run_publish(home)
    return home


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        soundkin.main(list(words))
    return int(left.value.code or 0)


ASK = """
import json, sys
from pathlib import Path
from recommender.generation.open_generation import open_generation
from recommender.ranking.artists import ArtistQuery, Recommender
recommender = Recommender(open_generation(Path(sys.argv[1])))
query = ArtistQuery(seeds=(0,), mix=recommender.default_mix, weights=recommender.choices.named["learned"])
found = recommender.rank_artists(query, offset=0, n=5)
print(json.dumps({"rows": [one.row for one in found], "lightgbm": "lightgbm" in sys.modules}))
"""


def ask(folder: Path) -> dict[str, object]:
    """The first of the learned ranking in a process of its own."""
    done = subprocess.run([sys.executable, "-c", ASK, str(folder)], capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_trees_learned_from_a_file_answer_after_the_next_build_without_lightgbm(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = truth_csv(tmp_path / "truth.csv")
    assert run("evaluate", str(truth), "--learn", "--k", "5", "--home", str(home)) == 0
    said = capsys.readouterr().err
    assert "trees learned from" in said
    assert "the next soundkin build adds them as the profile learned" in said
    kept = load_ranking(home)
    assert (kept.is_current, kept.space) == (True, SPACE.fingerprint)
    assert "difference +0." in kept.held_out
    run_build(home)
    folder = staged(home)
    answer = ask(folder)
    assert answer["lightgbm"] is False
    recommender = Recommender(open_generation(folder))
    query = ArtistQuery(seeds=(0,), mix=recommender.default_mix, weights=replace(kept.ranking))
    assert answer["rows"] == recommender.order_artists(query, n=5).tolist()


@pytest.mark.parametrize(("low", "high"), [(-0.01, 0.03), (-0.03, -0.01), (0.0, 0.01)])
def test_trees_that_do_not_win_are_not_kept(
    truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str], low: float, high: float
) -> None:
    result = learn(truth)
    found = Estimate(mean=(low + high) / 2, low=low, high=high, n=ARTISTS)
    made = Provenance(labels_sha256="0" * 64, date="2026-12-01", space=SPACE.fingerprint)
    loses = replace(result, difference=replace(result.difference, difference=found))
    assert not _keep_ranking(tmp_path, loses, made)
    assert "not kept: it is not better on artists left out; use the profile evidence" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert _keep_ranking(tmp_path, result, made)
    assert load_ranking(tmp_path).held_out == result.summary


def test_few_labels_end_the_command(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _forget(home)
    few = truth_csv(tmp_path / "few.csv", queries=20)
    assert run("evaluate", str(few), "--learn", "--home", str(home)) == 1
    assert "20 query artists with" in capsys.readouterr().err
    assert _forget(home) == []


def _forget(home: Path) -> Sequence[str]:
    """Remove what was learned; the names of it."""
    found = sorted(home.glob("learned.*"))
    for path in found:
        path.unlink()
    return [path.name for path in found]
