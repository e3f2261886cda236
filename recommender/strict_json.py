"""Strict reading and plain writing of the facts in the project's JSON files, for every module that has such a file.

A file's facts are a ``msgspec.Struct`` with ``forbid_unknown_fields``: its fields are the keys of the file. So a key
that is unknown or missing, or a value of another type, is refused with the path of the field in the message.

``json`` reads and writes the text, not msgspec: the checksum of a manifest is over the spelling that ``json.dumps``
gives (of floats above all), and ``json.loads`` reads the NaN and the lone surrogates (file names that are not UTF-8)
that earlier releases may have written.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import numpy as np

T = TypeVar("T")


def to_facts(value: object) -> dict[str, Any]:  # Any: JSON
    """``value``, a struct or a dataclass, as the dict that ``json.dumps`` takes, its keys in the order of the fields.

    >>> class Size(msgspec.Struct):
    ...     width_px: float
    >>> to_facts(Size(width_px=np.float64(2.5)))
    {'width_px': 2.5}
    """
    facts: dict[str, Any] = msgspec.to_builtins(value, enc_hook=_plain)
    return facts


def _plain(value: object) -> object:
    # numpy.float64 is a float to json.dumps, to a type checker and to a reader of the code; msgspec takes only floats.
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} cannot be written as JSON")


def from_facts(facts: object, kind: type[T]) -> T:
    """A ``kind`` of what ``json.loads`` returned, every type checked; whole numbers pass for floats, nothing else does.

    Raises ValueError, which names the field.

    >>> class Size(msgspec.Struct, forbid_unknown_fields=True):
    ...     width_px: float
    >>> from_facts({"width_px": 2}, Size)
    Size(width_px=2.0)
    >>> from_facts({"width_px": "2"}, Size)
    Traceback (most recent call last):
    msgspec.ValidationError: Expected `float`, got `str` - at `$.width_px`
    """
    return msgspec.convert(facts, kind)


def take_format(facts: object, expected: int, *, cure: str = "") -> dict[str, Any]:  # Any: JSON
    """``facts`` without their ``format``, the version of the layout, which must be the one that this release reads.

    Raises ValueError, with ``cure`` as what to do, for another format and for what is not a JSON object.

    >>> take_format({"format": 2, "width_px": 1.5}, 2)
    {'width_px': 1.5}
    """
    if not isinstance(facts, dict):
        raise ValueError(f"expected a JSON object, got {type(facts).__name__}")
    # A format of the wrong type or a missing one is another format too: what follows cannot be trusted.
    if "format" not in facts or facts["format"] != expected:
        raise ValueError(f"format {facts.get('format')}, this release reads {expected}{cure}")
    return {name: fact for name, fact in facts.items() if name != "format"}
