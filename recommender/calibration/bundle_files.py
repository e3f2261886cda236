"""The files of a calibration: bundles, the artists measured with them, and percentiles; all checked when read."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
from msgspec import Struct

from recommender.array_files import load_array
from recommender.calibration.cohort import ArtistStats, Bundle, Method, Status
from recommender.calibration.jackknife import Matrix
from recommender.calibration.percentiles import Percentiles
from recommender.errors import GenerationCorrupt, InvalidArgument, SpaceMismatch
from recommender.strict_json import from_facts, take_format, to_facts

FORMAT = 1
_NUMBERS = ("mean", "sd", "coherence", "standard_error")
"""The float64 arrays of :class:`ArtistStats`, one number an artist."""


class _BundleFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of the JSON of a bundle, ``format`` aside."""

    space: str
    layer: str
    key: str
    method: Method
    status: Status
    cohort_ids: tuple[str, ...]
    reference_artists: int
    arrays: tuple[str, ...]
    """Names of the arrays beside it."""


def save(bundle: Bundle, folder: Path, prefix: str) -> None:
    """Write ``prefix.json`` and ``prefix.mean.npy``, ``.projection``, ``.cohort``, ``.quantiles`` into ``folder``."""
    for name, array in bundle.arrays.items():
        np.save(folder / f"{prefix}.{name}.npy", array, allow_pickle=False)
    file = _BundleFile(
        space=bundle.space,
        layer=bundle.layer,
        key=bundle.key,
        method=bundle.method,
        status=bundle.status,
        cohort_ids=bundle.cohort_ids,
        reference_artists=bundle.reference_artists,
        arrays=tuple(sorted(bundle.arrays)),
    )
    text = json.dumps(to_facts(file) | {"format": FORMAT}, indent=1, sort_keys=True)
    (folder / f"{prefix}.json").write_text(text, encoding="utf-8")


def load(folder: Path, prefix: str, *, space: str) -> Bundle:
    """Read what :func:`save` wrote.

    Raises:
        SpaceMismatch: the bundle was made for a space whose fingerprint is not ``space``.
        GenerationCorrupt: a file is missing, not one of ours, or its shape does not fit the others.
    """
    name = f"{prefix}.json"
    try:
        facts = take_format(json.loads((folder / name).read_text(encoding="utf-8")), FORMAT)
        bundle = _bundle(folder, prefix, from_facts(facts, _BundleFile))
    except OSError as error:
        raise GenerationCorrupt(folder.name, name, f"or an array beside it cannot be read ({error})") from error
    except (ValueError, KeyError, RecursionError, InvalidArgument) as error:
        raise GenerationCorrupt(folder.name, name, f"is not a calibration bundle ({error})") from error
    if bundle.space != space:
        raise SpaceMismatch(space, bundle.space)
    return bundle


def _bundle(folder: Path, prefix: str, file: _BundleFile) -> Bundle:
    arrays = {name: _array(folder, f"{prefix}.{name}") for name in file.arrays}
    return Bundle(
        space=file.space,
        layer=file.layer,
        key=file.key,
        method=file.method,
        status=file.status,
        mean=arrays["mean"],
        projection=arrays.get("projection"),
        cohort=arrays["cohort"],
        cohort_ids=file.cohort_ids,
        quantiles=arrays["quantiles"],
        reference_artists=file.reference_artists,
    )


def _array(folder: Path, name: str) -> Matrix:
    array: Matrix = np.load(folder / f"{name}.npy", allow_pickle=False)
    if array.dtype != np.float64:
        raise ValueError(f"{name}.npy holds {array.dtype}, expected float64")
    return array


def save_stats(stats: ArtistStats, folder: Path, prefix: str, *, key: str) -> None:
    """Write ``stats`` as arrays, and ``prefix.bundle.json`` with the ``key`` of the bundle that measured them."""
    for field in fields(stats):
        np.save(folder / f"{prefix}.{field.name}.npy", getattr(stats, field.name), allow_pickle=False)
    (folder / f"{prefix}.bundle.json").write_text(json.dumps({"format": FORMAT, "key": key}), encoding="utf-8")


def load_stats(folder: Path, prefix: str, *, bundle: Bundle) -> ArtistStats:
    """Memory-map what :func:`save_stats` wrote.

    Raises:
        GenerationCorrupt: a file is missing, another bundle measured them, or the shapes do not fit.
    """
    file = f"{prefix}.bundle.json"
    try:
        # The key is over all that was measured: numbers of another bundle would be scored without a sign of it.
        note = json.loads((folder / file).read_text(encoding="utf-8"))
        if note != {"format": FORMAT, "key": bundle.key}:
            raise GenerationCorrupt(folder.name, file, f"was made with another bundle than {bundle.key}")
        stats = ArtistStats(
            vectors=load_array(folder, f"{prefix}.vectors", np.float32),
            tracks=load_array(folder, f"{prefix}.tracks", np.int64),
            **{name: load_array(folder, f"{prefix}.{name}", np.float64) for name in _NUMBERS},
        )
    except (OSError, ValueError) as error:
        raise GenerationCorrupt(folder.name, file, f"or an array beside it cannot be read ({error})") from error
    shapes = {getattr(stats, name).shape for name in (*_NUMBERS, "tracks")}
    if shapes != {stats.vectors.shape[:1]} or stats.vectors.shape[1:] != (bundle.width,):
        raise GenerationCorrupt(folder.name, file, "is beside arrays whose shapes do not fit one another")
    return stats


def save_percentiles(reference: Percentiles, folder: Path, prefix: str) -> None:
    """Write ``prefix.values.npy`` and ``prefix.below.npy`` into ``folder``."""
    np.save(folder / f"{prefix}.values.npy", reference.values, allow_pickle=False)
    np.save(folder / f"{prefix}.below.npy", reference.below, allow_pickle=False)


def load_percentiles(folder: Path, prefix: str) -> Percentiles:
    """Map what :func:`save_percentiles` wrote. Raises GenerationCorrupt when a file is missing or not valid."""
    try:
        values, below = (load_array(folder, f"{prefix}.{name}", np.float64) for name in ("values", "below"))
        return Percentiles(values=values, below=below)
    except (OSError, ValueError, InvalidArgument) as error:
        raise GenerationCorrupt(folder.name, f"{prefix}.*.npy", f"are not percentiles ({error})") from error
