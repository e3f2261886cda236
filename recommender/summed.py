"""JSON that carries a checksum over its own facts, so that what nothing else confirms cannot change unnoticed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import xxhash

SUM = "xxh3_128"
"""The key of the checksum."""


def sum_of(facts: Mapping[str, Any]) -> str:  # Any: JSON
    """xxh3_128 of ``facts`` but for :data:`SUM`, in an order and a spelling that are always the same."""
    summed = {name: fact for name, fact in facts.items() if name != SUM}
    return xxhash.xxh3_128_hexdigest(json.dumps(summed, sort_keys=True).encode())


def with_sum(facts: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
    """``facts`` with their checksum, whatever checksum they had.

    >>> with_sum({"b": 1, "a": 2}) == with_sum({"a": 2, "b": 1, SUM: "of something else"})
    True
    """
    return dict(facts) | {SUM: sum_of(facts)}
