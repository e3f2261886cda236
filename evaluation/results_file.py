"""Writes and reads ``evaluation.json``, and reads the output of ``soundkin embed --json``.

The JSON is strict: null stands for NaN. A file with another shape is refused.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from evaluation.results import FORMAT, EvaluationRun, Extraction
from indexer.files.atomic import make_folder, write_file
from indexer.tabular.records import read_json
from recommender.errors import BadInput

FILE = "evaluation.json"
"""Name of the file in the folder of ``soundkin evaluate --out``."""


def to_json(run: EvaluationRun) -> str:
    """The run as ASCII JSON; NaN becomes null."""
    return json.dumps(_without_nan(asdict(run)), indent=1, allow_nan=False)


def write_run(run: EvaluationRun, folder: Path) -> Path:
    """Write the run into ``folder``, which is created; return the path of the file."""
    make_folder(folder)
    write_file(folder / FILE, [to_json(run).encode()])
    return folder / FILE


def read_run(path: Path) -> EvaluationRun:
    """Read the file that :func:`write_run` wrote, given its path or its folder. Raises BadInput with the reason."""
    path = path / FILE if path.is_dir() else path
    data = read_json(path)
    version = data.get("format") if isinstance(data, dict) else None
    if version != FORMAT:
        raise BadInput(
            "not_an_evaluation",
            f"{path} has format {version}, this release reads {FORMAT}; run soundkin evaluate again",
        )
    try:
        run = _read(EvaluationRun, data)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadInput("not_an_evaluation", f"{path}: {error}; run soundkin evaluate again") from error
    if not isinstance(run, EvaluationRun) or run.asked.baseline not in {system.name for system in run.systems}:
        raise BadInput("not_an_evaluation", f"{path} has no result of its baseline; run soundkin evaluate again")
    return run


def _without_nan(value: Any) -> Any:  # Any: the values of asdict
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(kind: Any, value: Any) -> Any:  # Any: a type hint and the JSON to be read as it
    """``value`` as the type ``kind``. Raises KeyError, TypeError or ValueError where it is another type."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else _read(next(part for part in parts if part is not type(None)), value)
    if is_dataclass(kind):
        return _read_dataclass(kind, value)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"a list is wanted, not {type(value).__name__}")
        return tuple(_read(parts[0], part) for part in value)
    if origin is dict:
        if not isinstance(value, dict):
            raise TypeError(f"an object is wanted, not {type(value).__name__}")
        return {name: _read(parts[1], part) for name, part in value.items()}
    return _read_plain(kind, value)


def _read_dataclass(kind: Any, value: Any) -> Any:  # Any: as in _read
    if not isinstance(value, Mapping):
        raise TypeError(f"{kind.__name__}: an object is wanted, not {type(value).__name__}")
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: _read(hints[field.name], value[field.name]) for field in fields(kind)})


def _read_plain(kind: Any, value: Any) -> Any:  # Any: as in _read
    if kind is float:
        return math.nan if value is None else float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{kind.__name__} is wanted, not {value!r}")
    return value


def read_extraction(path: Path) -> Extraction:
    """Read the output of ``soundkin embed --json``. Raises BadInput for any other file."""
    data = read_json(path)
    try:
        success, cost = data["success"], data["cost"] or {}
        return Extraction(
            embedded=int(success["embedded"]),
            clips=int(success["clips"]),
            seconds=float(data["seconds"]),
            clips_per_second=_given(cost, "clips_per_second"),
            hours_per_1000_artists=_given(cost, "hours_per_1000_artists"),
            price_per_1000_artists=_given(cost, "price_per_1000_artists"),
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadInput("not_an_embed_report", f"{path} is not what soundkin embed --json prints ({error!r})") from error


def _given(cost: Mapping[str, float | None], name: str) -> float:
    value = cost.get(name)
    return math.nan if value is None else float(value)
