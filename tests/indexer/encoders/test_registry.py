"""The names of encoders, and what it costs to ask for them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from indexer.encoders.registry import encoder_names, load_encoder
from recommender.errors import NotFound


def test_the_embedded_default_comes_first() -> None:
    assert encoder_names()[0] == "descriptors"


def test_every_encoder_that_needs_no_extra_loads_under_its_name() -> None:
    assert load_encoder("descriptors").space.name == "descriptors"


def test_an_unknown_name_is_not_found_and_the_error_lists_the_known_ones() -> None:
    with pytest.raises(NotFound, match=r"no encoder 'mertt'; choose one of .*descriptors") as caught:
        load_encoder("mertt")
    assert caught.value.kind == "encoder"


def test_asking_for_names_brings_no_heavy_library() -> None:
    code = (
        "import sys; from indexer.encoders.registry import encoder_names; encoder_names(); "
        "print(sorted({'librosa', 'numba', 'scipy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
