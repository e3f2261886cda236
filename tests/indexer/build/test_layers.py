"""Beyond a number of vectors a build makes indexes of another type: they answer alike, and give their vectors back."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.build.build import BuildOptions
from recommender.generation.golden_answers import differences
from recommender.generation.open_generation import open_generation
from recommender.vectors import RefinedIndex
from tests.factories import make_space
from tests.indexer.build.homes import add_music, run_build, run_publish, staged

SPACE = make_space(("low", "high"), dim=32)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,500 tracks of 500 artists, not built."""
    home = tmp_path_factory.mktemp("many")
    add_music(home, range(500), clips=1, space=SPACE)
    return home


def test_they_answer_goldens_alike_and_an_incremental_build_makes_the_same_files(home: Path) -> None:
    manifest = run_build(home, BuildOptions(exact_up_to=1_000), space=SPACE)
    tracks, artists = manifest.indexes[:2]
    assert (tracks.factory, artists.factory) == ("IVF32,PQ8x4fs,RFlat", "Flat")
    assert tracks.parameters.keys() == {"nprobe", "k_factor"}
    assert tracks.recall_at_10 is not None
    assert tracks.recall_at_10 >= tracks.recall_floor
    generation = open_generation(staged(home))
    assert isinstance(generation.tracks["low"], RefinedIndex)
    assert differences(generation, manifest.goldens) == ()

    run_publish(home)
    add_music(home, range(500, 510), clips=1, space=SPACE)
    full = run_build(home, BuildOptions(exact_up_to=1_000), space=SPACE)
    again = run_build(home, BuildOptions(exact_up_to=1_000, incremental=True), space=SPACE)
    assert again.indexes[0].factory.startswith("IVF")
    assert (again.taken.tracks, again.files) == (1_500, full.files)


def test_what_short_lists_cannot_find_is_compared_in_full_and_the_manifest_says_so(home: Path) -> None:
    entry = run_build(home, BuildOptions(exact_up_to=100), space=SPACE).indexes[1]
    assert (entry.kind, entry.factory, entry.recall_at_10) == ("artists", "Flat", None)
    assert "of the ten nearest, under 0.99" in entry.note
