"""What each licence that we know grants, licence by licence, as its text has it."""

from __future__ import annotations

import pytest

from recommender.errors import LicenceRefused
from recommender.licences import LICENCES, find_licence, require
from recommender.types import Profile

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
