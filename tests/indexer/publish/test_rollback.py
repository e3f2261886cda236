"""Going back: to a generation that is sound, at once, and not forward again by itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import structs

import soundkin
from indexer.files.locks import exclusive
from indexer.maintain.verify import verify
from indexer.publish.rollback import parse_version, record_rollback, rollback
from recommender.errors import Busy, GenerationCorrupt, InvalidArgument, NotFound
from recommender.generation.open_generation import CURRENT, index_file, open_current
from tests.faults.homes import add_tracks, build, build_and_publish, open_catalog, publish, reseal, served


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Versions 1, 2 and 3, the last one served."""
    add_tracks(tmp_path / "home", range(4))
    for _ in range(3):
        build_and_publish(tmp_path / "home")
    return tmp_path / "home"


def damage(home: Path, version: int) -> None:
    path = home / "versions" / f"v{version:08d}" / index_file(0, "tracks")
    path.chmod(0o644)
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 16
    path.write_bytes(raw)


def test_it_goes_to_the_newest_version_before_the_serving_one(home: Path) -> None:
    assert rollback(home).version == 2
    assert open_current(home).manifest.version == 2
    assert rollback(home).version == 1


def test_where_none_is_older_the_newer_ones_are_named_and_how_to_go_to_one(home: Path) -> None:
    rollback(home, 1)
    with pytest.raises(InvalidArgument) as refused:
        rollback(home)
    said = "none before v00000001 is sound; newer ones are kept: v00000003, v00000002; soundkin rollback v3 goes to one"
    assert refused.value.problem == said
    assert rollback(home, parse_version("v3")).version == 3


def test_where_none_is_sound_nor_newer_another_must_be_built(home: Path) -> None:
    damage(home, 1)
    damage(home, 2)
    with pytest.raises(InvalidArgument, match="none before v00000003 is sound; build and publish one"):
        rollback(home)
    damage(home, 3)
    (home / CURRENT).write_text("{")
    with pytest.raises(InvalidArgument, match="none that is kept is sound; build and publish one"):
        rollback(home)


def test_it_passes_over_a_version_that_is_damaged(home: Path) -> None:
    damage(home, 2)
    assert rollback(home).version == 1


def test_it_passes_over_a_version_that_cannot_be_read(home: Path) -> None:
    folder = home / "versions" / "v00000002"
    folder.chmod(0o755)
    path = folder / index_file(0, "tracks")
    path.unlink()
    path.symlink_to(path)
    assert rollback(home).version == 1


def test_a_version_that_is_named_must_be_sound(home: Path) -> None:
    damage(home, 1)
    with pytest.raises(GenerationCorrupt, match="checksum"):
        rollback(home, 1)
    assert served(home) == 3


def test_a_version_whose_answers_are_not_those_on_record_is_not_gone_back_to(home: Path) -> None:
    other = open_current(home).manifest.goldens
    folder = home / "versions" / "v00000002"
    folder.chmod(0o755)
    (folder / "MANIFEST.json").chmod(0o644)
    reseal(folder, goldens=tuple(structs.replace(golden, scores=(0.5,) * len(golden.scores)) for golden in other))
    with pytest.raises(GenerationCorrupt, match="goldens"):
        rollback(home, 2)
    assert rollback(home).version == 1


def test_it_may_be_rolled_forward_again_by_name(home: Path) -> None:
    rollback(home, 1)
    assert rollback(home, 3).version == 3


@pytest.mark.parametrize(("version", "error"), [(3, InvalidArgument), (9, NotFound)])
def test_the_serving_one_and_one_that_is_not_kept_are_wrong_use(
    version: int, error: type[Exception], home: Path
) -> None:
    with pytest.raises(error):
        rollback(home, version)


def test_what_was_rolled_back_from_is_not_published_again_and_numbers_go_on_upward(home: Path) -> None:
    rollback(home, 1)
    with pytest.raises(InvalidArgument, match="no built generation"):
        publish(home)
    assert served(home) == 1
    assert build(home).version == 4
    assert publish(home).version == 4


def test_it_mends_a_current_that_cannot_be_read(home: Path) -> None:
    (home / CURRENT).write_text("{")
    with pytest.raises(GenerationCorrupt):
        publish(home)
    assert rollback(home).version == 3
    assert open_current(home).manifest.version == 3


def test_nothing_published_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"nothing was published in .*, so there is nothing to go back to"):
        rollback(tmp_path)


def test_it_is_on_record(home: Path) -> None:
    manifest = rollback(home)
    with open_catalog(home) as catalog:
        record_rollback(catalog, manifest)
        actions = [(each.version, each.action) for each in catalog.read_publications()]
    assert actions == [(1, "publish"), (2, "publish"), (3, "publish"), (2, "rollback")]


def test_it_succeeds_where_the_catalog_does_not_and_says_so(home: Path) -> None:
    (home / "catalog.db").write_bytes(b"no database" * 100)
    done = CliRunner().invoke(soundkin.front_door, ["rollback", "v1", "--home", str(home)])
    assert (done.exit_code, done.stdout) == (0, f"generation 1 serves again in {home}\n")
    assert "the rollback could not be recorded in the catalog: " in done.stderr
    assert served(home) == 1


def test_verify_reads_the_generations_that_it_could_go_back_to(home: Path) -> None:
    damage(home, 1)
    ((found, problem),) = verify(home).problems
    assert found == str(home / "versions" / "v00000001" / index_file(0, "tracks"))
    assert problem.endswith("; soundkin rollback cannot go back to it")
    assert verify(home).version == 3


def test_it_waits_for_nobody(home: Path) -> None:
    with exclusive(home / "LOCK"), pytest.raises(Busy, match="held by process"):
        rollback(home)


def test_it_takes_seconds(home: Path) -> None:
    busy = time.process_time()  # by the clock it depends on what else runs
    rollback(home)
    assert time.process_time() - busy < 2


@pytest.mark.parametrize("text", ["", "v", "x3", "-1", "v٣"])
def test_a_version_is_a_number_after_a_v(text: str) -> None:
    with pytest.raises(InvalidArgument, match="no version"):
        parse_version(text)
