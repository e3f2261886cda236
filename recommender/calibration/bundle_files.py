"""Reads and writes a calibration bundle and the artists measured with it: plain arrays and one JSON text, checked."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from recommender.arrays import load_array
from recommender.calibration.cohort import ArtistStats, Bundle, Method, Status
from recommender.calibration.jackknife import Matrix
from recommender.errors import GenerationCorrupt, InvalidArgument, SpaceMismatch

FORMAT = 1
_TEXTS = ("space", "layer", "key")


def save(bundle: Bundle, folder: Path, prefix: str) -> None:
    """Write ``prefix.json`` and ``prefix.mean.npy``, ``.projection``, ``.cohort``, ``.quantiles`` into ``folder``."""
    for name, array in bundle.arrays.items():
        np.save(folder / f"{prefix}.{name}.npy", array, allow_pickle=False)
    data = {name: getattr(bundle, name) for name in (*_TEXTS, "cohort_ids", "reference_artists")}
    data |= {"format": FORMAT, "method": bundle.method.value, "status": bundle.status.value}
    data |= {"arrays": sorted(bundle.arrays)}
    (folder / f"{prefix}.json").write_text(json.dumps(data, indent=1, sort_keys=True), encoding="utf-8")


def load(folder: Path, prefix: str, *, space: str) -> Bundle:
    """Read what :func:`save` wrote.

    Raises:
        SpaceMismatch: the bundle was made for a space whose fingerprint is not ``space``.
        GenerationCorrupt: a file is missing, not one of ours, or its shape does not fit the others.
    """
    name = f"{prefix}.json"
    try:
        data = json.loads((folder / name).read_text(encoding="utf-8"))
        bundle = _bundle(folder, prefix, data)
    except OSError as error:
        raise GenerationCorrupt(folder.name, name, f"or an array beside it cannot be read ({error})") from error
    except (ValueError, KeyError, TypeError, AttributeError, InvalidArgument) as error:
        raise GenerationCorrupt(folder.name, name, f"is not a calibration bundle ({error})") from error
    if bundle.space != space:
        raise SpaceMismatch(space, bundle.space)
    return bundle


def _bundle(folder: Path, prefix: str, data: dict[str, Any]) -> Bundle:  # Any: JSON, checked by use
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']}, this release reads {FORMAT}")
    if not all(isinstance(data[name], str) for name in _TEXTS):
        raise TypeError(f"{', '.join(_TEXTS)} are texts")
    arrays = {name: _array(folder, f"{prefix}.{name}") for name in data["arrays"]}
    return Bundle(
        **{name: data[name] for name in _TEXTS},
        method=Method(data["method"]),
        status=Status(data["status"]),
        mean=arrays["mean"],
        projection=arrays.get("projection"),
        cohort=arrays["cohort"],
        cohort_ids=tuple(str(each) for each in data["cohort_ids"]),
        quantiles=arrays["quantiles"],
        reference_artists=int(data["reference_artists"]),
    )


def _array(folder: Path, name: str) -> Matrix:
    array: Matrix = np.load(folder / f"{name}.npy", allow_pickle=False)
    if array.dtype != np.float64:
        raise ValueError(f"{name}.npy holds {array.dtype}, expected float64")
    return array


def save_stats(stats: ArtistStats, folder: Path, prefix: str, *, key: str) -> None:
    """Write ``stats`` as arrays beside a note of the bundle that measured them."""
    for field in fields(stats):
        np.save(folder / f"{prefix}.{field.name}.npy", getattr(stats, field.name), allow_pickle=False)
    (folder / f"{prefix}.bundle.json").write_text(json.dumps({"format": FORMAT, "key": key}), encoding="utf-8")


def load_stats(folder: Path, prefix: str, *, bundle: Bundle) -> ArtistStats:
    """Map what :func:`save_stats` wrote.

    Raises:
        GenerationCorrupt: a file is missing, another bundle measured them, or the shapes do not fit.
    """
    name = f"{prefix}.bundle.json"
    try:
        note = json.loads((folder / name).read_text(encoding="utf-8"))
        if note != {"format": FORMAT, "key": bundle.key}:
            raise GenerationCorrupt(folder.name, name, f"was made with another bundle than {bundle.key}")
        stats = ArtistStats(
            vectors=load_array(folder, f"{prefix}.vectors", np.float32),
            tracks=load_array(folder, f"{prefix}.tracks", np.int64),
            **{each: load_array(folder, f"{prefix}.{each}", np.float64) for each in _NUMBERS},
        )
    except (OSError, ValueError) as error:
        raise GenerationCorrupt(folder.name, name, f"or an array beside it cannot be read ({error})") from error
    shapes = {getattr(stats, each).shape for each in (*_NUMBERS, "tracks")}
    if shapes != {stats.vectors.shape[:1]} or stats.vectors.shape[1:] != (bundle.width,):
        raise GenerationCorrupt(folder.name, name, "is beside arrays whose shapes do not fit one another")
    return stats


_NUMBERS = ("mean", "sd", "coherence", "standard_error")
