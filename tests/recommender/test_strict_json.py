"""Facts from JSON: what fits is taken, anything else is refused with the name of the field."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from recommender.strict_json import from_facts, take_format, to_facts


class Inner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    names: tuple[str, ...]


class Outer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    size: int
    weight: float
    inner: Inner
    use: str = msgspec.field(name="profile")


OUTER = Outer(size=2, weight=0.5, inner=Inner(names=("a", "b")), use="personal")
FACTS = {"size": 2, "weight": 0.5, "inner": {"names": ["a", "b"]}, "profile": "personal"}


def test_facts_come_back_as_what_they_were_made_of() -> None:
    assert from_facts(FACTS, Outer) == from_facts(to_facts(OUTER), Outer) == OUTER
    assert list(to_facts(OUTER)) == ["size", "weight", "inner", "profile"], "under the names that the file uses"


def test_numbers_of_numpy_are_written_as_plain_ones() -> None:
    facts = to_facts(msgspec.structs.replace(OUTER, weight=np.float64(0.25), size=np.int64(3)))
    assert (type(facts["weight"]), facts["weight"], type(facts["size"]), facts["size"]) == (float, 0.25, int, 3)


def test_what_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="object cannot be written as JSON"):
        to_facts(msgspec.structs.replace(OUTER, use=object()))


def test_nan_and_lone_surrogates_of_earlier_releases_are_read() -> None:
    found = from_facts(FACTS | {"weight": math.nan, "profile": "\udcff"}, Outer)
    assert math.isnan(found.weight)
    assert found.use == "\udcff"


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (FACTS | {"size": "2"}, r"\$\.size"),
        (FACTS | {"size": 2.0}, r"\$\.size"),
        (FACTS | {"size": True}, r"\$\.size"),
        (FACTS | {"weight": None}, r"\$\.weight"),
        (FACTS | {"weight": 10**400}, r"\$\.weight"),
        (FACTS | {"inner": {"names": ["a", 1]}}, r"\$\.inner\.names\[1\]"),
        (FACTS | {"inner": {}}, "`names`"),
        (FACTS | {"use": "personal"}, "unknown field `use`"),
        ({name: fact for name, fact in FACTS.items() if name != "profile"}, "missing required field `profile`"),
        ([], "Expected `object`"),
    ],
)
def test_anything_else_is_refused_by_the_name_of_its_field(facts: object, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        from_facts(facts, Outer)


@pytest.mark.parametrize("facts", [{}, {"format": 2}, {"format": "3"}, {"format": None}, [], None, "x", 3])
def test_another_format_is_refused(facts: object) -> None:
    with pytest.raises(ValueError, match=r"this release reads 3; build it again|expected a JSON object"):
        take_format(facts, 3, cure="; build it again")
