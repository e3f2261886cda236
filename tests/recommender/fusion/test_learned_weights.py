"""The file of learned weights: read back as written, refused when it is anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recommender.errors import InvalidArgument, InvalidWeights
from recommender.fusion.learned_weights import FittedWeights, FoldScore, Provenance, load, to_json
from recommender.types import SignalName

LEARNED = FittedWeights(
    intercept=-2.5,
    slopes=(1.5, 0.5, 0.0, 0.25),
    missing=(0.0, -0.125, 0.5, 0.0),
    pairs_with_opinion=(90, 40, 70, 50),
    refused=(SignalName.GENRE,),
    folds=(
        FoldScore(queries=2, pairs=40, log_loss=0.25, chance=0.5),
        FoldScore(queries=2, pairs=60, log_loss=0.375, chance=0.5),
    ),
    queries=4,
    pairs=100,
)
PROVENANCE = Provenance(labels_sha256="00" * 32, date="2026-11-21", space="ab" * 8)


def write(folder: Path, text: str) -> Path:
    """A weights file with any text."""
    path = folder / "weights.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    assert load(write(tmp_path, to_json(LEARNED, PROVENANCE))) == (LEARNED, PROVENANCE)


def test_a_person_can_read_which_number_is_whose() -> None:
    data = json.loads(to_json(LEARNED, PROVENANCE))
    assert data["slopes"] == {"audio": 1.5, "scene": 0.5, "genre": 0.0, "collaboration": 0.25}
    assert data["refused"] == ["genre"]
    assert data["provenance"] == {"labels_sha256": "00" * 32, "date": "2026-11-21", "space": "ab" * 8}


def test_it_says_from_how_much_it_was_learned_and_what_was_left_out() -> None:
    # (.5 - .25 + .5 - .375) / 2 = .1875
    assert LEARNED.summary == (
        "learned from 100 pairs of 4 artists, log loss on held-out artists 0.1875 below a constant's; "
        "left out, because its slope was negative: genre"
    )


def test_its_profile_is_called_fitted_and_has_its_numbers() -> None:
    assert LEARNED.profile.name == "fitted"
    assert (LEARNED.profile.intercept, LEARNED.profile.slopes, LEARNED.profile.missing) == (
        LEARNED.intercept,
        LEARNED.slopes,
        LEARNED.missing,
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"format": 2', '"format": 3'),
        ('"audio"', '"odour"'),
        ('"genre"\n', '"taste"\n'),
        ("{", "["),
        ("-2.5", '"x"'),
        ("-2.5", "1" + "0" * 400),
        ('"audio": 90', '"audio": Infinity'),
        ("-2.5", "[" * 100_000 + "]" * 100_000),
    ],
    ids=["format", "signal", "refused", "list", "word", "too large", "infinite", "too deep"],
)
def test_a_file_of_another_shape_is_refused_by_name(tmp_path: Path, old: str, new: str) -> None:
    text = to_json(LEARNED, PROVENANCE)
    assert old in text
    with pytest.raises(InvalidArgument, match=r"weights\.json holds no fitted weights"):
        load(write(tmp_path, text.replace(old, new)))


def test_a_file_that_would_rank_the_less_alike_first_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidWeights, match="fitted"):
        load(write(tmp_path, to_json(LEARNED, PROVENANCE).replace('"audio": 1.5', '"audio": -1.5')))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be read"):
        load(tmp_path / "none.json")
