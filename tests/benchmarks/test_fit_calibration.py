"""What the shipped calibration is fitted on, and how it is measured."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fit_calibration import PLAIN, WHITENED, Recording, fit_bundle, measure
from indexer.encoders.descriptors.encoder import DescriptorEncoder
from recommender.calibration.cohort import Method
from recommender.types import ClipEmbeddings

SPACE = DescriptorEncoder().space


def music(prefix: str, artists: int) -> dict[str, ClipEmbeddings]:
    """Artists of two tracks around a random place in every layer."""
    random = np.random.default_rng(len(prefix))
    shape = (len(SPACE.layers), SPACE.dim)
    return {
        f"{prefix} {row:03d}": (random.normal(size=shape) + 0.2 * random.normal(size=(2, *shape))).astype(np.float32)
        for row in range(artists)
    }


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("CC0", True),
        ("CC BY 4.0", True),
        ("CC-BY 3.0", True),
        ("Public Domain Mark", True),
        ("CC BY-SA 4.0", False),
        ("CC-BY-SA 3.0", False),
        ("creativecommons.org/licenses/by-sa/2.5/", False),
        ("CC BY-NC 4.0", False),
    ],
)
def test_only_licences_without_conditions_on_what_is_made_of_it_are_fitted(licence: str, free: bool) -> None:
    assert Recording(file="a.ogg", artist="a", title="b", licence=licence).free is free


def test_cohort_and_scale_are_the_recorded_artists_and_only_some_layers_are_whitened() -> None:
    made, real = music("made", 60), music("real", 20)
    for layer, name in enumerate(SPACE.layer_names):
        bundle = fit_bundle(made, real, layer)
        assert len(bundle.cohort_ids) == 20
        assert bundle.reference_artists == 20
        assert (bundle.projection is not None) == (name in WHITENED)
        assert (bundle.method is Method.RAW) == (name in PLAIN)


def test_the_measurement_leaves_out_the_artists_it_asks_about(capsys: pytest.CaptureFixture[str]) -> None:
    real = music("real", 18)
    measure(music("made", 60), real, frozenset(list(real)[:12]))
    printed = capsys.readouterr().out
    assert printed.startswith("18 recorded artists")
    assert [line.split(" | ")[0] for line in printed.splitlines()[4:9]] == [f"| {name}" for name in SPACE.layer_names]
