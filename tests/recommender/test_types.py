"""The identity of a space."""

from __future__ import annotations

import json

import pytest
from msgspec import structs

from recommender.types import Layer, Space
from tests.factories import make_space


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"revision": "2"},
        {"dim": 9},
        {"sample_rate_hz": 8000},
        {"preprocessing": "v2"},
        {"layers": (Layer(name="x"),)},
    ],
)
def test_whatever_changes_a_vector_changes_the_fingerprint(change: dict[str, object]) -> None:
    space = make_space()
    assert structs.replace(space, **change).fingerprint != space.fingerprint


def test_words_about_a_space_do_not_change_its_fingerprint() -> None:
    space = make_space()
    renamed = tuple(Layer(name=layer.name, description="other words") for layer in space.layers)
    assert structs.replace(space, licence="MIT", layers=renamed, aspects=()).fingerprint == space.fingerprint


def test_a_space_survives_json() -> None:
    space = make_space()
    assert Space.from_json(json.loads(json.dumps(space.to_json()))) == space
