"""What embedding came to: read from the report that ``soundkin embed --json`` prints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from indexer.evaluation.run import Extraction
from indexer.tabular.records import read_json
from recommender.errors import BadInput


def read_extraction(path: Path) -> Extraction:
    """Read an embed report. Raises BadInput when it is none."""
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
