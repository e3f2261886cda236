"""Gates: the numbers of the prototype against its own thresholds, each bound, and broken files."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from evaluation.gates import Status, check_gates, read_thresholds
from recommender.errors import BadInput

NOTHING = dict.fromkeys(("span", "overlap", "highest_low_pair", "success", "artists"), math.nan)


def thresholds(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gates.toml"
    path.write_text(text)
    return path


PROTOTYPE = """
name = "prototype"
[[gate]]
figure = "span"
above = 0.4
null = 0.3
[[gate]]
figure = "overlap"
above = 0.1
null = 0.0
[[gate]]
figure = "highest_low_pair"
below = 0.6
[[gate]]
figure = "success"
at_least = 0.85
[[gate]]
figure = "artists"
at_least = 100
"""


def test_the_default_gates_are_on_figures_that_noise_and_chance_leave_at_nothing() -> None:
    by_figure = {gate.figure: gate for gate in read_thresholds().gates}
    assert {figure for figure, gate in by_figure.items() if not math.isnan(gate.null)} == {
        "spread_above_shuffled",
        "overlap_above_chance_low",
    }


def test_the_prototype_fails_gates_that_it_reported_as_passed(tmp_path: Path) -> None:
    """Span 0.280, overlap 0 %, Vril and Sabrina 0.610 among the pairs expected low (highest 0.739), 40 of 40 tracks."""
    found = {"span": 0.280, "overlap": 0.0, "highest_low_pair": 0.739, "success": 1.0, "artists": 8.0}
    statuses = {
        each.gate.figure: each.status for each in check_gates(read_thresholds(thresholds(tmp_path, PROTOTYPE)), found)
    }
    assert statuses == {
        "span": Status.NULL,
        "overlap": Status.NULL,
        "highest_low_pair": Status.FAIL,
        "success": Status.PASS,
        "artists": Status.FAIL,
    }


def test_between_null_and_threshold_a_gate_only_fails(tmp_path: Path) -> None:
    prototype = read_thresholds(thresholds(tmp_path, PROTOTYPE))
    statuses = {
        each.gate.figure: each.status for each in check_gates(prototype, NOTHING | {"span": 0.35, "overlap": 0.1})
    }
    assert statuses["span"] is Status.FAIL
    assert statuses["overlap"] is Status.FAIL, "10 % is not more than 10 %"
    assert statuses["success"] is Status.NO_DATA


def test_each_bound_passes_on_its_side(tmp_path: Path) -> None:
    text = "".join(f'[[gate]]\nfigure = "x"\n{bound} = 1\n' for bound in ("above", "below", "at_least", "at_most"))
    gates = read_thresholds(thresholds(tmp_path, text))
    passed = {
        value: [each.status is Status.PASS for each in check_gates(gates, {"x": value})] for value in (0.5, 1.0, 1.5)
    }
    assert passed == {
        0.5: [False, True, False, True],
        1.0: [False, False, True, True],
        1.5: [True, False, True, False],
    }
    assert [gate.summary for gate in gates.gates] == ["x > 1", "x < 1", "x >= 1", "x <= 1"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gate = 1",
        "[[gate]]\nfigure = 'x'",
        "[[gate]]\nfigure = 'x'\nabove = 1\nbelow = 2",
        "[[gate]]\nabove = 1",
        "[[gate]]\nfigure = 'x'\nabove = 'much'",
        "[[gate]]\nfigure = 'x'\nabove = true",
        "[[gate]]\nfigure = 'x'\nabove = nan",
        "[[gate]]\nfigure = 'x'\nbelow = inf",
        "[[gate]]\nfigure = 'x'\nabove = 1\nnull = nan",
        f"[[gate]]\nfigure = 'x'\nabove = 1{'0' * 400}",
        "[[gate]]\nfigure = 'x'\nabove = 1\nnul = 0",
        "[[gate",
    ],
)
def test_a_thresholds_file_that_cannot_be_understood_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gates\.toml"):
        read_thresholds(thresholds(tmp_path, text))


def test_a_gate_on_nothing_lists_what_there_is(tmp_path: Path) -> None:
    gates = read_thresholds(thresholds(tmp_path, "[[gate]]\nfigure = 'spam'\nabove = 1"))
    with pytest.raises(BadInput, match="there are span, overlap"):
        check_gates(gates, NOTHING)
