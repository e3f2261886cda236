"""Which use a licence allows."""

from __future__ import annotations

import pytest

from recommender.errors import LicenceRefused
from recommender.licences import LICENCES, covers, find_licence, require, require_use
from recommender.types import Use


@pytest.mark.parametrize(
    ("name", "use", "allowed"),
    [
        ("CC-BY-NC-4.0", Use.COMMERCIAL, False),
        ("CC-BY-NC-4.0", Use.NONCOMMERCIAL, True),
        ("none", Use.PERSONAL, True),
        ("none", Use.NONCOMMERCIAL, False),
        ("ISC", Use.COMMERCIAL, True),
        ("own", Use.COMMERCIAL, True),
        ("an unknown licence", Use.COMMERCIAL, False),
        ("an unknown licence", Use.PERSONAL, True),
    ],
)
def test_a_licence_is_checked_against_the_use(name: str, use: Use, allowed: bool) -> None:
    if allowed:
        require("it", find_licence(name), use)
    else:
        with pytest.raises(LicenceRefused, match=use.value):
            require("it", find_licence(name), use)


@pytest.mark.parametrize(
    ("built_for", "uses"),
    [
        ("personal", {Use.PERSONAL}),
        ("noncommercial", {Use.PERSONAL, Use.NONCOMMERCIAL}),
        ("commercial", {Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL}),
        ("an unknown use", {Use.PERSONAL}),
    ],
)
def test_what_was_built_for_a_use_may_be_used_for_that_and_for_narrower_ones(built_for: str, uses: set[Use]) -> None:
    assert {use for use in Use if covers(built_for, use)} == uses


def test_a_wider_use_than_it_was_built_for_is_refused_by_name() -> None:
    require_use("it", "commercial", Use.COMMERCIAL)
    with pytest.raises(LicenceRefused, match="it is licensed for personal use, which does not allow commercial use"):
        require_use("it", "personal", Use.COMMERCIAL)


GRANTED = {
    "own": {Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL},
    "CC0-1.0": {Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL},
    "CC-BY-4.0": {Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL},
    "CC-BY-SA-4.0": {Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL},
    "Apache-2.0": {Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL},
    "MIT": {Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL},
    "ISC": {Use.PERSONAL, Use.NONCOMMERCIAL, Use.COMMERCIAL},
    "CC-BY-NC-4.0": {Use.PERSONAL, Use.NONCOMMERCIAL},
    "CC-BY-NC-SA-4.0": {Use.PERSONAL, Use.NONCOMMERCIAL},
    "CC-BY-NC-SA-3.0": {Use.PERSONAL, Use.NONCOMMERCIAL},
    "none": {Use.PERSONAL},
}


def test_every_licence_that_is_known_is_in_the_table() -> None:
    assert GRANTED.keys() == LICENCES.keys()
    assert all(find_licence(name).name == name for name in GRANTED)


@pytest.mark.parametrize("use", Use)
@pytest.mark.parametrize("name", GRANTED)
def test_a_licence_grants_what_its_text_grants_and_nothing_more(name: str, use: Use) -> None:
    if use in GRANTED[name]:
        require("it", find_licence(name), use)
    else:
        with pytest.raises(LicenceRefused, match=f"it is licensed {name}"):
            require("it", find_licence(name), use)


@pytest.mark.parametrize("name", [name for name in LICENCES if "-NC" in name])
def test_no_licence_with_nc_in_its_name_is_commercial(name: str) -> None:
    assert Use.COMMERCIAL not in find_licence(name).allows
