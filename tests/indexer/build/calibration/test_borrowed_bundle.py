"""The calibration that ships with the product fits this release, names its sources, and makes small catalogs speak."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest

from indexer.build.build import build
from indexer.build.calibration.borrowed_bundle import FOLDER, borrowed_bundle, load_borrowed, save_borrowed
from indexer.demo.synth import STYLES, render
from indexer.encoders.descriptors.clip_analysis import SAMPLE_RATE_HZ
from indexer.encoders.descriptors.encoder import DescriptorEncoder
from indexer.store.store import EmbeddingStore
from recommender.calibration.cohort import Status, measure
from recommender.generation.open_generation import open_generation
from recommender.ranking.artists import Recommender
from recommender.types import ClipEmbeddings, Use
from tests.indexer.build.homes import add_clip, open_catalog, staged

SPACE = DescriptorEncoder().space


def test_every_layer_of_this_release_has_a_bundle() -> None:
    bundles = {layer: borrowed_bundle(SPACE, layer) for layer in SPACE.layer_names}
    assert None not in bundles.values(), "run python -m benchmarks.fit_calibration FOLDER --write"
    for layer, bundle in bundles.items():
        assert bundle is not None
        assert (bundle.layer, bundle.dim, bundle.status) == (layer, SPACE.dim, Status.BORROWED)
        assert bundle.quantiles.size == 2001
        assert len(bundle.cohort_ids) >= 15
    assert len({bundle.key for bundle in bundles.values() if bundle is not None}) == len(bundles)


@pytest.mark.parametrize("changes", [{"revision": "2+other"}, {"preprocessing": "other"}, {"name": "mert"}])
def test_no_other_space_borrows(changes: dict[str, str]) -> None:
    assert borrowed_bundle(msgspec.structs.replace(SPACE, **changes), SPACE.layer_names[0]) is None


def test_every_recording_has_a_licence_that_allows_it() -> None:
    facts = json.loads((FOLDER / "descriptors.json").read_text(encoding="utf-8"))
    licences = {row["licence"] for row in facts["recordings"]}
    assert licences
    assert not [licence for licence in licences if {"SA", "NC", "ND"} & set(licence.replace("-", " ").split())]
    assert all(row["artist"] and row["title"] for row in facts["recordings"])
    assert {"made_by", "licence", "generated"} <= facts.keys()


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    shipped = {layer: bundle for layer in SPACE.layer_names if (bundle := borrowed_bundle(SPACE, layer))}
    save_borrowed(tmp_path / "again.json", shipped, {"licence": "own"})
    again = load_borrowed(tmp_path / "again.json")
    assert [bundle.key for bundle in again.values()] == [bundle.key for bundle in shipped.values()]
    track = np.random.default_rng(0).normal(size=(2, SPACE.dim))
    for layer, bundle in shipped.items():
        assert measure(again[layer], track).mean == measure(bundle, track).mean
    changed = replace(shipped["rhythm"], mean=shipped["rhythm"].mean + 0.01)
    save_borrowed(tmp_path / "other.json", {"rhythm": changed}, {})
    assert load_borrowed(tmp_path / "other.json")["rhythm"].key != shipped["rhythm"].key


@cache
def songs() -> ClipEmbeddings:
    """Two short clips of each style of the demo, ``[clip, layer, dim]``."""
    clips = [
        render(style, seed=seed, seconds=10.0, sample_rate_hz=SAMPLE_RATE_HZ) for style in STYLES for seed in (1, 2)
    ]
    return DescriptorEncoder().encode(clips)


@pytest.mark.parametrize("artists", [2, 8])
def test_audio_of_a_few_artists_is_on_a_scale(artists: int, tmp_path: Path) -> None:
    with open_catalog(tmp_path) as catalog, catalog.transaction():
        clips = [add_clip(catalog, style, f"song {take}", 0) for style in STYLES[:artists] for take in (1, 2)]
    store = EmbeddingStore(tmp_path, SPACE)
    store.append(clips, songs()[: len(clips)], space=SPACE)
    with open_catalog(tmp_path) as catalog:
        catalog.mark_done(SPACE.key, clips)
        manifest = build(catalog, store, tmp_path, use=Use.PERSONAL)
    assert {entry.status for entry in manifest.calibrations} == {"borrowed"}
    recommender = Recommender(open_generation(staged(tmp_path)))
    audio = recommender.audio(dict(SPACE.default_mix))
    found = np.array([audio.percentiles(row) for row in range(artists)])[~np.eye(artists, dtype=bool)]
    shown = np.array([audio.shown(row) for row in range(artists)])[~np.eye(artists, dtype=bool)]
    assert np.isfinite(found).all()
    assert found.max() < 1.0
    if artists == len(STYLES):  # the first two are two kinds of techno, and alike
        assert 0.02 < np.median(shown) < 0.45
        assert len(set(np.round(found, 3))) > len(found) / 4
