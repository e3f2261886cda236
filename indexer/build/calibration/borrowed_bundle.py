"""Reads the calibration that ships with the product, for catalogs too small to be calibrated by their own artists.

It was fitted by ``benchmarks/fit_calibration.py`` for the encoder ``descriptors``, on generated music and on openly
licensed recordings; ``borrowed/descriptors.json`` names all of them, with their licences. It holds statistics only: of
each layer the mean, the projection, one vector an artist of the cohort, and the quantiles of their scores. It is used
only in the very space that it was fitted in, never in that of another encoder or of another release of it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recommender.calibration.cohort import Bundle, Method, Status
from recommender.types import Space, Vectors

FOLDER = Path(__file__).with_name("borrowed")
"""A ``NAME.json`` and a ``NAME.npz`` for each space."""


def borrowed_bundle(space: Space, layer: str) -> Bundle | None:
    """The bundle that ships for ``layer`` of ``space``; None where none does, or only one of another fingerprint.

    Raises KeyError when the file lacks a layer of its space: then the installation is damaged.
    """
    for path in sorted(FOLDER.glob("*.json")):
        bundles = load_borrowed(path)
        if bundles and next(iter(bundles.values())).space == space.fingerprint:
            return bundles[layer]
    return None


@functools.cache
def load_borrowed(path: Path) -> Mapping[str, Bundle]:
    """Layer -> bundle of the file ``path`` and of the arrays beside it, for all layers of one space.

    Raises OSError, ValueError or KeyError when it is not what :func:`save_borrowed` wrote.
    """
    facts = json.loads(path.read_text(encoding="utf-8"))
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
        arrays = {name: file[name].astype(np.float64) for name in file.files}
    return {layer: _bundle(facts, layer, arrays) for layer in facts["layers"]}


def _bundle(facts: Mapping[str, Any], layer: str, arrays: Mapping[str, Any]) -> Bundle:  # Any: JSON, and arrays
    about = facts["layers"][layer]
    cohort = arrays[f"{layer}.cohort"]
    return Bundle(
        space=facts["space"],
        layer=layer,
        method=Method(about["method"]),
        status=Status.BORROWED,
        mean=arrays[f"{layer}.mean"],
        projection=arrays.get(f"{layer}.projection"),
        cohort=cohort,
        # No id of a catalog looks like these, so no artist is taken for one of the cohort.
        cohort_ids=tuple(f"borrowed {number:04d}" for number in range(len(cohort))),
        quantiles=arrays[f"{layer}.quantiles"],
        reference_artists=about["reference_artists"],
        key=about["key"],
    )


def save_borrowed(path: Path, bundles: Mapping[str, Bundle], about: Mapping[str, Any]) -> None:  # Any: JSON
    """Write ``bundles`` of one space as ``path`` (``.json``) and the arrays beside it (``.npz``), in float32.

    Args:
        path: of the JSON file.
        bundles: layer -> bundle, at least one.
        about: further facts for the JSON: what they were fitted on, and its licences.
    """
    arrays = {
        f"{layer}.{name}": array.astype(np.float32)
        for layer, bundle in bundles.items()
        for name, array in bundle.arrays.items()
    }
    space = next(iter(bundles.values())).space
    layers = {
        layer: {
            "method": bundle.method.value,
            "reference_artists": bundle.reference_artists,
            "key": _key(space, layer, [arrays[f"{layer}.{name}"] for name in bundle.arrays]),
        }
        for layer, bundle in bundles.items()
    }
    text = json.dumps({"space": space, **about, "layers": layers}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    np.savez_compressed(path.with_suffix(".npz"), allow_pickle=False, **arrays)


def _key(space: str, layer: str, arrays: Iterable[Vectors]) -> str:
    """SHA-256 of what is written: equal keys mean equal bundles."""
    digest = hashlib.sha256(f"{space} {layer}".encode())
    for array in arrays:
        digest.update(array.astype("<f4").tobytes())
    return digest.hexdigest()
