"""Styles within one genre are separated, and genres more so: the three pairs that the prototype named."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.evaluate import Inputs, evaluate
from evaluation.gates import check_gates, read_thresholds
from evaluation.results import EvaluationRun, figures
from tests.calibrated import calibrate
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_generation, make_space

STYLES = (
    ("liquid drum and bass", "jump-up drum and bass"),
    ("minimal techno", "deep techno"),
    ("future bass", "melodic dubstep"),
)
"""Two styles of each of three genres."""
EACH = 12
DIM = 24


def artist(style: str, number: int) -> str:
    return f"{style} {number}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EvaluationRun:
    """72 artists; what a genre sounds like is larger than what its styles differ by, and that larger than an artist."""
    random = np.random.default_rng(11)
    artists = []
    for genre, styles in enumerate(STYLES):
        whole = random.normal(size=DIM)
        for style in styles:
            own = whole + 0.7 * random.normal(size=DIM)
            artists += [_artist(random, own, genre, artist(style, number)) for number in range(EACH)]
    made = MadeCatalog(artists=tuple(artists), space=make_space(("only",), dim=DIM))
    folder = tmp_path_factory.mktemp("styles")
    (folder / "pairs.csv").write_text("\n".join(["a,b,expected,least,most", *_pairs()]) + "\n")
    (folder / "truth.csv").write_text("\n".join(["query,item", *_kin()]) + "\n")
    inputs = Inputs(truth=folder / "truth.csv", pairs=folder / "pairs.csv", k=5)
    return evaluate(calibrate(make_generation(made)), inputs)


def _artist(random: np.random.Generator, style: np.ndarray, genre: int, name: str) -> MadeArtist:
    own = style + 0.3 * random.normal(size=DIM)
    tracks = own + 0.4 * random.normal(size=(3, DIM))
    return MadeArtist(
        id=name,
        name=name,
        genres={f"genre {genre}": 1.0},
        tracks=tuple(
            MadeTrack(id=f"{name} {n}", title=f"T{n}", vectors={"only": track.tolist()})
            for n, track in enumerate(tracks)
        ),
    )


def _pairs() -> list[str]:
    """Of each genre: a pair of one style, a pair of its two styles, and one with the next genre."""
    lines = []
    for place, (one, other) in enumerate(STYLES):
        further = STYLES[(place + 1) % len(STYLES)][0]
        lines += [f"{artist(one, n)},{artist(one, n + 1)},same,0.7," for n in (0, 2, 4)]
        lines += [f"{artist(one, n)},{artist(other, n)},subgenre,,0.97" for n in range(3)]
        lines += [f"{artist(one, n)},{artist(further, n)},low,,0.6" for n in range(3)]
    return lines


def _kin() -> list[str]:
    """Everybody of one's own style."""
    return [
        f"{artist(style, number)},{artist(style, other)}"
        for styles in STYLES
        for style in styles
        for number in range(EACH)
        for other in range(EACH)
        if other != number
    ]


def values(run: EvaluationRun, expected: str, styles: int | None = None) -> np.ndarray:
    """What the pairs show, those of one genre or of all."""
    every = [pair.value for pair in run.pairs if pair.expected == expected]
    return np.array(every if styles is None else every[3 * styles : 3 * styles + 3])


@pytest.mark.parametrize("genre", range(len(STYLES)), ids=[" | ".join(styles) for styles in STYLES])
def test_two_styles_of_a_genre_are_less_alike_than_one_and_more_than_two_genres(run: EvaluationRun, genre: int) -> None:
    same, across, low = (values(run, expected, genre) for expected in ("same", "subgenre", "low"))
    assert same.mean() > across.mean() > low.mean()


def test_every_pair_is_held_against_its_target(run: EvaluationRun) -> None:
    assert {pair.status for pair in run.pairs if pair.expected == "same"} == {"in range"}
    assert {pair.status for pair in run.pairs if pair.expected == "low"} == {"in range"}


def test_the_gates_of_the_first_experiment_hold_where_styles_are_told_apart(run: EvaluationRun) -> None:
    held = {each.gate.figure: each.status.value for each in check_gates(read_thresholds(), figures(run))}
    assert held == {
        "spread_above_shuffled": "PASS",
        "overlap_above_chance_low": "PASS",
        "highest_low_pair": "PASS",
        "success": "NO DATA",
        "artists": "FAIL",
    }


def test_the_nearest_are_of_the_same_style_and_genres_do_not_help_to_find_them(run: EvaluationRun) -> None:
    systems = {system.name: system for system in run.systems}
    assert systems["audio alone"].measures["P@5"].mean > 0.9
    assert systems["genre alone"].measures["P@5"].mean < 0.6, "half of a genre is of the other style"
    (view,) = run.views
    assert view.genre.accuracy.mean > view.genre.chance + 0.5
    assert run.shown.separation.auc > 0.95
    assert run.shown.reliability.brier < run.shown.reliability.base_brier
