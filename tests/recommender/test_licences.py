"""Which use a licence allows."""

from __future__ import annotations

import pytest

from recommender.errors import LicenceRefused
from recommender.licences import find_licence, require
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
