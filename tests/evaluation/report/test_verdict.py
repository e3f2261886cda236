"""Noise, shuffled labels, equal artists, a truth that was imported, and nothing at all, through the whole command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from evaluation.cli import evaluate
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_space, write_generation

ARTISTS, FAMILY, DIM = 120, 6, 12
Vectors = npt.NDArray[np.float64]
Sound = Callable[[np.random.Generator, int], Vectors]
"""(random, artist) -> ``[track, dim]``."""


def noise(random: np.random.Generator, artist: int) -> Vectors:
    return random.normal(size=(3, DIM))


def equal(random: np.random.Generator, artist: int) -> Vectors:
    return np.ones((3, DIM))


def families(random: np.random.Generator, artist: int) -> Vectors:
    middle = np.random.default_rng(1000 + artist // FAMILY).normal(size=DIM)
    own = np.random.default_rng(artist).normal(size=DIM)
    return np.asarray(middle + 0.4 * own + 0.3 * random.normal(size=(3, DIM)))


def name(artist: int) -> str:
    return f"artist {artist:03d}"


def made(sound: Sound | None, *, listed: Iterable[tuple[int, int]] = (), genres: bool = True) -> MadeCatalog:
    random = np.random.default_rng(3)
    pairs = [(f"a{one:03d}", f"a{other:03d}") for one, other in listed]
    return MadeCatalog(
        artists=tuple(
            MadeArtist(
                id=f"a{number:03d}",
                name=name(number),
                genres={f"genre {random.integers(8)}": 1.0} if genres else {},
                tracks=tuple(
                    MadeTrack(id=f"t{number}.{place}", title=f"T{place}", vectors={"only": vector.tolist()})
                    for place, vector in enumerate(() if sound is None else sound(random, number))
                ),
            )
            for number in range(ARTISTS)
        ),
        space=make_space(("only",), dim=DIM),
        scene=dict.fromkeys(pairs, 0.9),
        scene_listed=tuple({one for one, _ in pairs}),
    )


def of_families(members: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Everybody of one's family, when the artists stand in the order of ``members``."""
    return [
        (int(members[one]), int(members[other]))
        for start in range(0, ARTISTS, FAMILY)
        for one in range(start, start + FAMILY)
        for other in range(start, start + FAMILY)
        if one != other
    ]


IN_ORDER = np.arange(ARTISTS)
DRAWN = np.random.default_rng(9).permutation(ARTISTS)


def judged(folder: Path, catalog: MadeCatalog, truth: list[tuple[int, int]]) -> dict[str, Any]:  # Any: JSON
    """What the command says: its lines, and its run as JSON."""
    write_generation(folder / "home", catalog)
    file = folder / "truth.csv"
    file.write_text("query,item\n" + "".join(f"{name(one)},{name(other)}\n" for one, other in truth))
    words = [str(file), "--home", str(folder / "home")]
    said = CliRunner().invoke(evaluate, words)
    run = json.loads(CliRunner().invoke(evaluate, [*words, "--json"]).stdout)
    return {"said": " ".join(said.stdout.split()), "run": run}


def test_noise_with_random_labels_is_failed(tmp_path: Path) -> None:
    found = judged(tmp_path, made(noise), of_families(DRAWN))
    assert "verdict: failed" in found["said"]
    assert "FAIL (null result): spread_above_shuffled" in found["said"]
    assert "FAIL (null result): overlap_above_chance_low" in found["said"]
    assert found["run"]["selection"]["best"] == "", "no layer is recommended whose interval holds chance"


def test_good_sound_with_shuffled_labels_is_failed(tmp_path: Path) -> None:
    found = judged(tmp_path, made(families), of_families(DRAWN))
    assert "verdict: failed" in found["said"]
    assert "PASS: spread_above_shuffled" in found["said"]
    assert "FAIL (null result): overlap_above_chance_low" in found["said"]


def test_good_sound_with_its_own_labels_is_not_failed(tmp_path: Path) -> None:
    found = judged(tmp_path, made(families, genres=False), of_families(IN_ORDER)[: 19 * FAMILY * (FAMILY - 1)])
    assert "PASS: spread_above_shuffled" in found["said"]
    assert "PASS: overlap_above_chance_low" in found["said"]
    assert found["run"]["selection"]["best"] == "only"


def test_artists_that_are_all_the_same_are_failed_and_ties_are_told(tmp_path: Path) -> None:
    found = judged(tmp_path, made(equal, genres=False), of_families(IN_ORDER))
    assert "verdict: failed" in found["said"]
    assert "FAIL (null result): spread_above_shuffled" in found["said"]
    default = found["run"]["systems"][0]
    assert default["tied"] == 1.0
    chance = (FAMILY - 1) / (ARTISTS - 1)
    assert default["overlap"]["overlap"]["mean"] == pytest.approx(chance, abs=0.03), "ties are drawn, not by id"


def test_a_truth_that_was_imported_is_flagged(tmp_path: Path) -> None:
    truth = of_families(DRAWN)
    found = judged(tmp_path, made(noise, listed=truth), truth)
    assert "verdict: leaked" in found["said"]
    assert "100% of its pairs are in the scene data" in found["said"]
    assert found["run"]["systems"][0]["beyond_listed"]["overlap"]["n"] == 0, "nothing is left to find"
    assert "by default" not in found["said"]
    assert "the default profile" not in found["said"]
    assert "Find out why" not in found["said"], "nothing is recommended by a leaked truth"


def test_a_truth_that_is_half_imported_shows_what_is_found_beyond(tmp_path: Path) -> None:
    truth = of_families(DRAWN)
    found = judged(tmp_path, made(noise, listed=truth[::3]), truth)
    beyond = found["run"]["systems"][0]["beyond_listed"]
    assert beyond["overlap"]["mean"] < found["run"]["systems"][0]["overlap"]["overlap"]["mean"]
    assert "verdict: leaked" in found["said"], (
        "each third listing tells of two pairs in three, as scene data go both ways"
    )


def test_a_truth_of_which_a_little_was_imported_and_the_rest_is_noise_is_flagged(tmp_path: Path) -> None:
    random = np.random.default_rng(17)
    truth = [(one, int(other)) for one in range(ARTISTS) for other in random.permutation(ARTISTS)[:5] if one != other]
    found = judged(tmp_path, made(families, listed=truth[::6], genres=False), truth)
    assert "PASS: overlap_above_chance_low" in found["said"], "what is listed is found"
    assert "verdict: leaked" in found["said"]
    assert "and beyond these evidence finds no more than chance" in found["said"]


def test_signals_without_rows_say_no_data_and_are_not_compared(tmp_path: Path) -> None:
    found = judged(tmp_path, made(None, genres=True), of_families(DRAWN))
    assert "NO DATA: spread_above_shuffled" in found["said"]
    assert "NO DATA: audio, scene, collaboration; they take part in no comparison" in found["said"]
    assert found["run"]["no_data"] == ["audio", "scene", "collaboration"]
    names = {system["name"] for system in found["run"]["systems"]}
    assert names.isdisjoint({"audio alone", "scene alone", "collaboration alone", "without audio"})


def test_a_catalog_without_any_data_is_undecided_and_says_no_data(tmp_path: Path) -> None:
    found = judged(tmp_path, made(None, genres=False), [])
    assert "verdict: undecided" in found["said"]
    assert "NO DATA: overlap_above_chance_low" in found["said"]
    assert found["run"]["no_data"] == ["audio", "scene", "genre", "collaboration"]
