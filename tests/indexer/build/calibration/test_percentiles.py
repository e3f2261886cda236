"""A build takes over the trees that a home has learned, when they fit its space and this release."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.build.calibration.percentiles import keep_learned
from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.fusion.boosted_trees import FEATURES, HEADER, RankingFile, load_ranking, save_ranking
from recommender.generation.calibration import open_calibration
from recommender.generation.open_generation import MANIFEST, open_generation, read_manifest
from tests.generated import made_ranking
from tests.indexer.build.homes import SPACE, add_music, run_build, staged

LEARNED = RankingFile(
    ranking=made_ranking(1),
    features=tuple(feature.name for feature in FEATURES),
    space=SPACE.fingerprint,
    labels_sha256="00" * 32,
    date="2026-12-01",
    held_out="better on artists left out",
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def test_trees_of_this_space_are_copied_and_those_of_none_too(home: Path, folder: Path) -> None:
    for space in (SPACE.fingerprint, ""):
        save_ranking(replace(LEARNED, space=space), home)
        keep_learned(home, folder, SPACE)
        assert load_ranking(folder).space == space
        assert {path.name for path in folder.iterdir()} == {path.name for path in home.iterdir()}


def test_without_trees_nothing_is_written(home: Path, folder: Path) -> None:
    keep_learned(home, folder, SPACE)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (replace(LEARNED, space="ab" * 8), "is of space abababababababab"),
        (replace(LEARNED, features=("other", *LEARNED.features[1:])), "reads features of another release"),
    ],
    ids=["space", "release"],
)
def test_trees_of_another_space_or_release_are_left_out_with_a_warning(
    home: Path, folder: Path, caplog: pytest.LogCaptureFixture, changed: RankingFile, said: str
) -> None:
    save_ranking(changed, home)
    with caplog.at_level(logging.WARNING):
        keep_learned(home, folder, SPACE)
    assert said in caplog.text
    assert not list(folder.iterdir())


def test_damaged_trees_stop_the_build(home: Path, folder: Path) -> None:
    save_ranking(LEARNED, home)
    (home / "learned.left.npy").write_bytes(b"")
    with pytest.raises(InvalidArgument, match="learn it again"):
        keep_learned(home, folder, SPACE)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("learned")
    add_music(home, range(6), tracks=1, clips=1)
    save_ranking(LEARNED, home)
    run_build(home)
    return staged(home)


def test_a_build_adds_them_as_the_profile_learned(built: Path) -> None:
    generation = open_generation(built)
    assert set(generation.calibration.choices.named) == {"evidence", "seed", "learned"}
    assert generation.calibration.choices.default.name == "evidence"
    names = {entry.name for entry in generation.manifest.files}
    assert {HEADER, "learned.roots.npy", "learned.threshold.npy"} <= names


def test_a_generation_with_trees_of_another_release_opens_without_them(
    built: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in built.iterdir():
        if path.is_file() and path.name != MANIFEST:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    manifest, _ = read_manifest(built)
    save_ranking(replace(LEARNED, features=("other", *LEARNED.features[1:])), tmp_path)
    with caplog.at_level(logging.WARNING):
        assert open_calibration(tmp_path, manifest).learned is None
    assert "of another release" in caplog.text
    (tmp_path / "learned.left.npy").write_bytes(b"")
    with pytest.raises(GenerationCorrupt, match="learn it again"):
        open_calibration(tmp_path, manifest)
