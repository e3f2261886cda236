"""Which use a licence allows."""

from __future__ import annotations

import pytest

from recommender.errors import LicenceRefused
from recommender.licences import LICENCES, covers, find_licence, require, require_use
from recommender.types import Profile


@pytest.mark.parametrize(
    ("name", "profile", "allowed"),
    [
        ("CC-BY-NC-4.0", Profile.COMMERCIAL, False),
        ("CC-BY-NC-4.0", Profile.NONCOMMERCIAL, True),
        ("none", Profile.PERSONAL, True),
        ("none", Profile.NONCOMMERCIAL, False),
        ("ISC", Profile.COMMERCIAL, True),
        ("own", Profile.COMMERCIAL, True),
        ("a licence nobody has heard of", Profile.COMMERCIAL, False),
        ("a licence nobody has heard of", Profile.PERSONAL, True),
    ],
)
def test_the_profile_gates_the_licence(name: str, profile: Profile, allowed: bool) -> None:
    if allowed:
        require("it", find_licence(name), profile)
    else:
        with pytest.raises(LicenceRefused, match=profile.value):
            require("it", find_licence(name), profile)


@pytest.mark.parametrize(
    ("built_for", "uses"),
    [
        ("personal", {Profile.PERSONAL}),
        ("noncommercial", {Profile.PERSONAL, Profile.NONCOMMERCIAL}),
        ("commercial", {Profile.PERSONAL, Profile.NONCOMMERCIAL, Profile.COMMERCIAL}),
        ("a profile nobody has heard of", {Profile.PERSONAL}),
    ],
)
def test_what_was_built_for_a_use_may_be_used_for_that_and_for_narrower_ones(
    built_for: str, uses: set[Profile]
) -> None:
    assert {use for use in Profile if covers(built_for, use)} == uses


def test_a_wider_use_than_it_was_built_for_is_refused_by_name() -> None:
    require_use("it", "commercial", Profile.COMMERCIAL)
    with pytest.raises(
        LicenceRefused, match="it is licensed for personal use, which the profile 'commercial' does not"
    ):
        require_use("it", "personal", Profile.COMMERCIAL)


GRANTED = {
    "own": {Profile.PERSONAL, Profile.NONCOMMERCIAL, Profile.COMMERCIAL},
    "CC0-1.0": {Profile.PERSONAL, Profile.NONCOMMERCIAL, Profile.COMMERCIAL},
    "CC-BY-4.0": {Profile.PERSONAL, Profile.NONCOMMERCIAL, Profile.COMMERCIAL},
    "CC-BY-SA-4.0": {Profile.PERSONAL, Profile.NONCOMMERCIAL, Profile.COMMERCIAL},
    "Apache-2.0": {Profile.PERSONAL, Profile.NONCOMMERCIAL, Profile.COMMERCIAL},
    "MIT": {Profile.PERSONAL, Profile.NONCOMMERCIAL, Profile.COMMERCIAL},
    "ISC": {Profile.PERSONAL, Profile.NONCOMMERCIAL, Profile.COMMERCIAL},
    "CC-BY-NC-4.0": {Profile.PERSONAL, Profile.NONCOMMERCIAL},
    "CC-BY-NC-SA-4.0": {Profile.PERSONAL, Profile.NONCOMMERCIAL},
    "CC-BY-NC-SA-3.0": {Profile.PERSONAL, Profile.NONCOMMERCIAL},
    "none": {Profile.PERSONAL},
}


def test_every_licence_that_is_known_is_in_the_table() -> None:
    assert GRANTED.keys() == LICENCES.keys()
    assert all(find_licence(name).name == name for name in GRANTED)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("name", GRANTED)
def test_a_licence_grants_what_its_text_grants_and_nothing_more(name: str, profile: Profile) -> None:
    if profile in GRANTED[name]:
        require("it", find_licence(name), profile)
    else:
        with pytest.raises(LicenceRefused, match=f"it is licensed {name}"):
            require("it", find_licence(name), profile)


@pytest.mark.parametrize("name", [name for name in LICENCES if "-NC" in name])
def test_no_licence_with_nc_in_its_name_is_commercial(name: str) -> None:
    assert Profile.COMMERCIAL not in find_licence(name).allows
