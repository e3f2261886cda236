"""The aspect in which two tracks are near, where layers can be compared and where they cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from recommender.calibration.cohort import ArtistStats, measure
from recommender.calibration.scores import percentile, scores_between
from recommender.explain.shared_facts import standout_aspect
from recommender.generation.calibration import Calibration
from recommender.generation.open_generation import Generation
from tests.calibrated import LAYERS, calibrated, plain
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_generation

PAIRS = [(0, 20), (1, 90), (5, 6), (40, 41)]


def cosine(generation: Generation, layer: str, a: int, b: int) -> float:
    one, other = generation.tracks[layer].vectors(np.array([a, b])).astype(np.float64)
    return float(one @ other)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_without_calibration_it_is_the_highest_cosine(a: int, b: int) -> None:
    low, high = (cosine(plain(), layer, a, b) for layer in LAYERS)
    assert standout_aspect(plain(), a, b) == ("hears low" if low > high else "hears high")


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_where_calibrated_each_track_counts_as_an_artist_of_one_track(a: int, b: int) -> None:
    made = calibrated()
    owners = made.contents.tracks.artist[[a, b]].tolist()
    without = {made.contents.artists.ids[owner] for owner in owners}
    standing = {}
    for layer in LAYERS:
        bundle = made.calibration.layers[layer].bundle
        tracks = made.tracks[layer].vectors(np.array([a, b]))
        pair = ArtistStats.of(
            (measure(bundle, track[np.newaxis], without=without) for track in tracks), width=bundle.width
        )
        standing[f"hears {layer}"] = float(percentile(bundle, scores_between(bundle, pair, pair))[0, 1])
    assert standout_aspect(made, a, b) == max(standing, key=lambda name: standing[name])


def test_a_layer_less_and_cosines_decide() -> None:
    layers = {"low": calibrated().calibration.layers["low"]}
    partly = replace(calibrated(), calibration=Calibration(layers=layers))
    assert [standout_aspect(partly, a, b) for a, b in PAIRS] == [standout_aspect(plain(), a, b) for a, b in PAIRS]


def test_a_tie_goes_to_the_aspect_named_first_and_a_space_without_any_has_none() -> None:
    tracks = tuple(MadeTrack(id=f"t{n}", title="", vectors={"low": (1, 0), "high": (1, 0)}) for n in range(2))
    made = make_generation(MadeCatalog(artists=(MadeArtist(id="a", name="A", tracks=tracks),)))
    assert standout_aspect(made, 0, 1) == "hears low"
    space = structs.replace(made.manifest.space, aspects=())
    bare = replace(made, manifest=structs.replace(made.manifest, space=space))
    assert standout_aspect(bare, 0, 1) == ""
