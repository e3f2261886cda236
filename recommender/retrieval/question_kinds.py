"""The kinds of question that candidates can answer; a build measures each, and only what finds enough is promised."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from recommender.fusion.profiles import WeightProfile
from recommender.types import Scale


class QuestionKind(enum.Enum):
    """What a question has beside one seed of the catalog, the default mix and the default weights."""

    ONE_SEED = "one seed"
    """Nothing; every other question needs this one too."""
    SEVERAL_SEEDS = "several seeds"
    NEGATIVE_SEEDS = "negative seeds"
    OWN_WEIGHTS = "own weights"
    DIAL = "dial"


def kinds_of(
    *, seeds: int, negative_seeds: int, weights: WeightProfile, default: WeightProfile, dial: bool
) -> frozenset[QuestionKind] | None:
    """The kinds of one question; None where candidates cannot answer it.

    Candidates are the nearest by each signal, so the profile must add up strengths.

    Args:
        seeds: number of seeds.
        negative_seeds: number of negative seeds.
        weights: profile of the question.
        default: profile of the generation.
        dial: the order is changed by popularity.
    """
    if not seeds or weights.scale is not Scale.STRENGTHS:
        return None
    parts: Mapping[QuestionKind, bool] = {
        QuestionKind.ONE_SEED: True,
        QuestionKind.SEVERAL_SEEDS: seeds > 1,
        QuestionKind.NEGATIVE_SEEDS: negative_seeds > 0,
        QuestionKind.OWN_WEIGHTS: weights is not default,
        QuestionKind.DIAL: dial,
    }
    return frozenset(kind for kind, present in parts.items() if present)
