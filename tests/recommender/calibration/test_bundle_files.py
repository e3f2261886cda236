"""Bundles and what they measured, written and read again; and everything that must be refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.calibration.bundle_files import load, load_stats, save, save_stats
from recommender.calibration.cohort import QUANTILES, ArtistStats, Bundle, Method, Status, measure
from recommender.errors import GenerationCorrupt, SpaceMismatch


def make_bundle(*, projected: bool = True) -> Bundle:
    """A small bundle with random numbers, from three dimensions to two when projected."""
    rng = np.random.default_rng(0)
    cohort = rng.normal(size=(4, 2 if projected else 3))
    return Bundle(
        space="0123456789abcdef",
        layer="11",
        method=Method.PIPELINE if projected else Method.CENTRE,
        status=Status.PROVISIONAL,
        mean=rng.normal(size=3),
        projection=rng.normal(size=(3, 2)) if projected else None,
        cohort=cohort / np.linalg.norm(cohort, axis=1, keepdims=True),
        cohort_ids=("a", "b", "Motörhead", "d"),
        quantiles=np.sort(rng.normal(size=QUANTILES)),
        reference_artists=60,
        key="k" * 64,
    )


def make_stats(bundle: Bundle) -> ArtistStats:
    """Five artists of one to five tracks; the first has no standard error."""
    rng = np.random.default_rng(1)
    return ArtistStats.of((measure(bundle, rng.normal(size=(n, 3))) for n in range(1, 6)), width=bundle.width)


@pytest.mark.parametrize("projected", [True, False])
def test_a_bundle_is_read_as_it_was_written(tmp_path: Path, projected: bool) -> None:
    bundle = make_bundle(projected=projected)
    save(bundle, tmp_path, "L11.calibration")
    again = load(tmp_path, "L11.calibration", space=bundle.space)
    assert again.arrays.keys() == bundle.arrays.keys()
    for name, array in bundle.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
    same = {name: getattr(bundle, name) for name in ("mean", "projection", "cohort", "quantiles")}
    restored = replace(again, **same)
    assert all(getattr(restored, name) == getattr(bundle, name) for name in ("key", "cohort_ids", "summary"))
    assert (again.method, again.status, again.layer) == (bundle.method, bundle.status, bundle.layer)


def test_the_same_bundle_is_written_in_the_same_bytes(tmp_path: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        save(make_bundle(), folder, "b")
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["b.cohort.npy", "b.json", "b.mean.npy", "b.projection.npy", "b.quantiles.npy"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)


def test_a_bundle_of_another_space_is_refused(tmp_path: Path) -> None:
    save(make_bundle(), tmp_path, "b")
    with pytest.raises(SpaceMismatch, match="expected another, found 0123456789abcdef"):
        load(tmp_path, "b", space="another")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    save(make_bundle(), tmp_path, "b")
    (tmp_path / "b.cohort.npy").unlink()
    with pytest.raises(GenerationCorrupt, match=r"b\.json.*b\.cohort\.npy"):
        load(tmp_path, "b", space="0123456789abcdef")


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("cohort", np.zeros((5, 2))),
        ("mean", np.zeros(4)),
        ("projection", np.full((3, 2), np.inf)),
        ("quantiles", np.zeros(3)),
        ("mean", np.zeros(3, dtype=np.float32)),
        ("mean", np.array([None, None, None])),
    ],
)
def test_an_array_that_does_not_fit_is_refused(tmp_path: Path, name: str, array: np.ndarray) -> None:
    save(make_bundle(), tmp_path, "b")
    np.save(tmp_path / f"b.{name}.npy", array)
    with pytest.raises(GenerationCorrupt, match="not a calibration bundle"):
        load(tmp_path, "b", space="0123456789abcdef")


@pytest.mark.parametrize(
    "changes",
    [{"format": 2}, {"method": "magic"}, {"status": "sure"}, {"space": 7}, {"cohort_ids": None}, {"arrays": ["mean"]}],
)
def test_a_text_that_is_not_one_of_ours_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    save(make_bundle(), tmp_path, "b")
    data = json.loads((tmp_path / "b.json").read_text())
    (tmp_path / "b.json").write_text(json.dumps(data | changes))
    with pytest.raises(GenerationCorrupt, match="not a calibration bundle"):
        load(tmp_path, "b", space="0123456789abcdef")


def test_measured_artists_are_read_as_they_were_written(tmp_path: Path) -> None:
    bundle = make_bundle()
    stats = make_stats(bundle)
    save_stats(stats, tmp_path, "L11.measured", key=bundle.key)
    again = load_stats(tmp_path, "L11.measured", bundle=bundle)
    for name in ("vectors", "mean", "sd", "coherence", "tracks", "standard_error"):
        np.testing.assert_array_equal(getattr(again, name), getattr(stats, name))
        assert getattr(again, name).dtype == getattr(stats, name).dtype


def test_artists_measured_with_another_bundle_are_refused(tmp_path: Path) -> None:
    bundle = make_bundle()
    save_stats(make_stats(bundle), tmp_path, "m", key=bundle.key)
    with pytest.raises(GenerationCorrupt, match="made with another bundle"):
        load_stats(tmp_path, "m", bundle=replace(bundle, key="another"))


@pytest.mark.parametrize(("name", "array"), [("sd", np.zeros(4)), ("vectors", np.zeros((5, 3), dtype=np.float32))])
def test_measured_arrays_that_do_not_fit_are_refused(tmp_path: Path, name: str, array: np.ndarray) -> None:
    bundle = make_bundle()
    save_stats(make_stats(bundle), tmp_path, "m", key=bundle.key)
    np.save(tmp_path / f"m.{name}.npy", array)
    with pytest.raises(GenerationCorrupt, match="do not fit one another"):
        load_stats(tmp_path, "m", bundle=bundle)


def test_a_missing_array_of_measured_artists_is_named(tmp_path: Path) -> None:
    bundle = make_bundle()
    save_stats(make_stats(bundle), tmp_path, "m", key=bundle.key)
    (tmp_path / "m.tracks.npy").unlink()
    with pytest.raises(GenerationCorrupt, match=r"m\.tracks\.npy"):
        load_stats(tmp_path, "m", bundle=bundle)
