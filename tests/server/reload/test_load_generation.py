"""From a folder to something that may answer: what is refused, under which reason, and what a load leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from msgspec import structs

from recommender.generation.lease import LEASE, try_exclusive
from recommender.generation.manifest import Golden
from recommender.generation.open_generation import (
    CURRENT,
    MANIFEST,
    VERSIONS,
    Pointer,
    folder_name,
    read_current,
    read_manifest,
)
from recommender.ranking.artists import Recommender
from recommender.types import Rows, Similarities, Use, Vectors
from recommender.vectors import ExactIndex
from server.metrics import Phase, Reason
from server.reload.load_generation import (
    MAX_REMEMBERED,
    MAX_RETRY_S,
    RETRY_S,
    RejectedGenerations,
    Rejection,
    load,
    older_generations,
    warm,
)
from server.reload.loaded_generation import LoadedGeneration
from tests.factories import MadeArtist, MadeCatalog, make_generation, point_to, write_generation
from tests.faults.homes import reseal
from tests.server.conftest import MADE

RIGHT = Golden(kind="tracks", layer="low", query="t0", answers=("t0", "t1", "t3"), scores=(1.0, 0.6, 0.0))
"""By hand: Song points along the first axis, Tune is (3, 4)/5, the other Song along the second."""


def loaded(home: Path, *, use: Use = Use.PERSONAL) -> LoadedGeneration | Rejection:
    """Load what CURRENT of ``home`` points to."""
    pointer = read_current(home)
    assert pointer is not None
    return load(home, pointer, use=use, observe=lambda phase, seconds: None)


def rejected(home: Path, *, use: Use = Use.PERSONAL) -> Rejection:
    """Why what CURRENT of ``home`` points to may not answer; fails when it may."""
    found = loaded(home, use=use)
    assert isinstance(found, Rejection)
    return found


def rewrite(home: Path, *goldens: Golden, version: int = 1) -> None:
    """Record ``goldens`` in the manifest of ``version``, and publish it so."""
    folder = home / VERSIONS / folder_name(version)
    manifest, _ = read_manifest(folder)
    (folder / MANIFEST).write_text(structs.replace(manifest, goldens=goldens).to_json())
    point_to(home, version)


def flip(file: Path) -> None:
    """Turn one bit in the middle of ``file``."""
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 4
    file.write_bytes(raw)


def cut(file: Path) -> None:
    """Leave the last byte out."""
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [flip, cut, Path.unlink])
def test_harm_to_any_file_is_a_wrong_checksum_that_names_the_file(harm: Callable[[Path], None], tmp_path: Path) -> None:
    write_generation(tmp_path / "whole", MADE)
    names = [file.name for file in (tmp_path / "whole" / VERSIONS / folder_name(1)).iterdir() if file.name != LEASE]
    assert len(names) > 20
    for name in names:
        home = tmp_path / name
        harm(write_generation(home, MADE) / name)
        found = rejected(home)
        assert name in found.why
        gone = harm is Path.unlink and name == MANIFEST
        assert found.reason is (Reason.UNREADABLE if gone else Reason.CHECKSUM)


def test_a_file_too_many_is_a_wrong_checksum(tmp_path: Path) -> None:
    (write_generation(tmp_path, MADE) / "extra.npy").write_bytes(b"x")
    assert rejected(tmp_path).reason is Reason.CHECKSUM


def test_a_generation_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    folder = write_generation(tmp_path, MADE)
    folder.rename(tmp_path / "elsewhere")
    assert rejected(tmp_path).reason is Reason.UNREADABLE


def test_a_generation_that_cannot_be_leased_is_unreadable(tmp_path: Path) -> None:
    (write_generation(tmp_path, MADE) / LEASE).unlink()
    found = rejected(tmp_path)
    assert (found.reason, LEASE in found.why) == (Reason.UNREADABLE, True)


def test_a_manifest_of_another_format_is_told_by_its_format(tmp_path: Path) -> None:
    folder = write_generation(tmp_path, MADE)
    data = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(data | {"format": 99}))
    pointer = older_generations(tmp_path, None)[0]
    found = load(tmp_path, pointer, use=Use.PERSONAL, observe=lambda phase, seconds: None)
    assert isinstance(found, Rejection)
    assert (found.reason, "format 99" in found.why) == (Reason.FORMAT, True)


def test_a_folder_under_another_version_s_name_is_not_opened(tmp_path: Path) -> None:
    folder = write_generation(tmp_path, MADE, version=2)
    folder.rename(folder.with_name(folder_name(3)))
    point_to(tmp_path, 3)
    assert "version 2" in rejected(tmp_path).why


def test_a_generation_built_for_less_than_the_use_is_a_matter_of_licence(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    assert rejected(tmp_path, use=Use.COMMERCIAL).reason is Reason.LICENCE


def test_goldens_that_are_answered_as_recorded_let_a_generation_pass(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    rewrite(tmp_path, RIGHT)
    found = loaded(tmp_path)
    assert isinstance(found, LoadedGeneration)
    found.release()


@pytest.mark.parametrize(
    "wrong",
    [
        structs.replace(RIGHT, scores=(1.0, 0.61, 0.0)),
        structs.replace(RIGHT, answers=("t0", "t3", "t1")),
        structs.replace(RIGHT, query="gone"),
        structs.replace(RIGHT, layer="high"),
    ],
)
def test_a_golden_that_is_answered_otherwise_is_told_as_such(wrong: Golden, tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    rewrite(tmp_path, RIGHT, wrong)
    found = rejected(tmp_path)
    assert found.reason is Reason.GOLDEN
    assert "1 recorded queries" in found.why


def test_an_error_of_the_system_is_unreadable_in_whatever_stage(tmp_path: Path) -> None:
    folder = write_generation(tmp_path, MADE)
    file = folder / "artist.vector_row.npy"
    file.unlink()
    file.symlink_to(file)
    found = rejected(tmp_path)
    assert (found.reason, "build and publish" in found.why) == (Reason.UNREADABLE, True)


@pytest.mark.parametrize("name", ["collaboration_known.npy", "collaborations.shape.npy"])
def test_a_column_of_the_wrong_length_is_unreadable_although_its_checksum_is_right(name: str, tmp_path: Path) -> None:
    folder = write_generation(tmp_path, MADE)
    np.save(folder / name, np.load(folder / name, allow_pickle=False)[:0])
    reseal(folder)
    point_to(tmp_path, 1)
    assert rejected(tmp_path).reason is Reason.UNREADABLE


def test_what_was_rejected_is_not_leased_any_more(tmp_path: Path) -> None:
    folder = write_generation(tmp_path, MADE)
    rewrite(tmp_path, structs.replace(RIGHT, query="gone"))
    rejected(tmp_path)
    with try_exclusive(folder) as free:
        assert free


def test_every_stage_is_told_once_in_order(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    told: list[Phase] = []
    pointer = read_current(tmp_path)
    assert pointer is not None
    found = load(tmp_path, pointer, use=Use.PERSONAL, observe=lambda phase, seconds: told.append(phase))
    assert isinstance(found, LoadedGeneration)
    found.release()
    assert told == list(Phase)


def test_older_versions_are_named_newest_first_and_only_those_that_have_a_manifest(tmp_path: Path) -> None:
    for version in (1, 2, 3, 10):
        write_generation(tmp_path, MADE, version=version)
    (tmp_path / VERSIONS / folder_name(2) / MANIFEST).unlink()
    (tmp_path / VERSIONS / "trash.v00000009").mkdir()
    assert [pointer.version for pointer in older_generations(tmp_path, None)] == [10, 3, 1]
    assert [pointer.version for pointer in older_generations(tmp_path, 10)] == [3, 1]
    point_to(tmp_path, 3)
    assert older_generations(tmp_path, 10)[0] == read_current(tmp_path)


def test_a_home_without_versions_has_no_older_ones(tmp_path: Path) -> None:
    assert older_generations(tmp_path, None) == []
    assert older_generations(tmp_path / "not there", None) == []


def test_a_pointer_to_what_never_was_is_unreadable(tmp_path: Path) -> None:
    pointer = Pointer(version=7, manifest_sha256="0" * 64)
    found = load(tmp_path, pointer, use=Use.PERSONAL, observe=lambda phase, seconds: None)
    assert isinstance(found, Rejection)
    assert found.reason is Reason.UNREADABLE


def test_what_is_handed_out_is_what_was_warmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[Recommender] = []
    monkeypatch.setattr("server.reload.load_generation.warm", warmed.append)
    write_generation(tmp_path, MADE)
    found = loaded(tmp_path)
    assert isinstance(found, LoadedGeneration)
    assert [one is found.snapshot(degraded=False).recommender for one in warmed] == [True]
    found.release()


class Watched(ExactIndex):
    """An index that remembers how often all of it was read."""

    def __init__(self, vectors: Vectors) -> None:
        super().__init__(vectors)
        self.scans = 0
        self.searches = 0

    def search(self, query: npt.NDArray[np.float32], k: int) -> tuple[Rows, Similarities]:
        self.searches += 1
        return super().search(query, k)

    def cosines(self, query: npt.NDArray[np.float32], rows: Rows | None = None) -> Similarities:
        self.scans += rows is None
        return super().cosines(query, rows)


def test_warming_searches_and_reads_the_whole_of_every_index() -> None:
    made = make_generation(MADE)
    tracks, artists = (
        {layer: Watched(index.vectors(np.arange(index.size))) for layer, index in indexes.items()}
        for indexes in (made.tracks, made.artists)
    )
    warm(Recommender(replace(made, tracks=tracks, artists=artists)))
    indexes = (*tracks.values(), *artists.values())
    assert len(indexes) == 4
    assert all(index.scans and index.searches for index in indexes)


@pytest.mark.parametrize("made", [MadeCatalog(artists=()), MadeCatalog(artists=(MadeArtist(id="a", name="A"),))])
def test_what_has_no_audio_or_nobody_in_it_is_loaded_too(made: MadeCatalog, tmp_path: Path) -> None:
    write_generation(tmp_path, made)
    found = loaded(tmp_path)
    assert isinstance(found, LoadedGeneration)
    found.release()


def test_a_sound_manifest_that_is_not_the_one_current_names_is_refused(tmp_path: Path) -> None:
    folder = write_generation(tmp_path, MADE)
    reseal(folder, built_at="2026-01-02T00:00:00+00:00")
    found = rejected(tmp_path)
    assert found.reason is Reason.CHECKSUM
    assert "is not the one that was published" in found.why
    point_to(tmp_path, 1)
    answers = loaded(tmp_path)
    assert isinstance(answers, LoadedGeneration), "published as it is, it is as good as any"
    answers.release()


def test_a_pointer_with_another_digest_is_not_followed(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    pointer = read_current(tmp_path)
    assert pointer is not None
    (tmp_path / CURRENT).write_text(structs.replace(pointer, manifest_sha256=pointer.manifest_sha256[::-1]).to_json())
    found = rejected(tmp_path)
    assert (found.reason, "is not the one that was published" in found.why) == (Reason.CHECKSUM, True)


def test_a_lease_that_is_not_empty_is_a_wrong_checksum(tmp_path: Path) -> None:
    (write_generation(tmp_path, MADE) / LEASE).write_bytes(b"x")
    found = rejected(tmp_path)
    assert (found.reason, f"{LEASE}: is not empty" in found.why) == (Reason.CHECKSUM, True)


@pytest.mark.parametrize("field", ["artists", "artists_indexed", "tracks", "tracks_indexed"])
def test_a_manifest_that_counts_what_is_not_there_never_answers(field: str, tmp_path: Path) -> None:
    folder = write_generation(tmp_path, MADE)
    counts = read_manifest(folder)[0].counts
    reseal(folder, counts=structs.replace(counts, **{field: getattr(counts, field) + 1}))
    point_to(tmp_path, 1)
    found = rejected(tmp_path)
    assert (found.reason, "manifest says" in found.why) == (Reason.UNREADABLE, True)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_was_never_rejected_is_due(clock: Clock) -> None:
    assert RejectedGenerations(clock).due("a")


def test_each_rejection_doubles_the_wait_up_to_an_hour(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    waits = []
    for _ in range(10):
        rejections.add("a")
        started = clock.now
        while not rejections.due("a"):
            clock.now += RETRY_S / 2
        waits.append(clock.now - started)
    assert waits[:4] == [30.0, 60.0, 120.0, 240.0]
    assert waits[-1] == MAX_RETRY_S


def test_only_the_first_rejection_is_news(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    assert [rejections.add(key) for key in ("a", "b", "a")] == [True, True, False]


def test_another_generation_is_due_at_once(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    rejections.add("a")
    assert (rejections.due("a"), rejections.due("b")) == (False, True)


def test_what_turned_out_well_starts_afresh(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    rejections.add("a")
    rejections.add("a")
    rejections.forget("a")
    assert rejections.due("a")
    assert rejections.add("a")
    clock.now += RETRY_S
    assert rejections.due("a")


def test_the_oldest_rejections_are_forgotten(clock: Clock) -> None:
    rejections = RejectedGenerations(clock)
    for number in range(MAX_REMEMBERED + 1):
        rejections.add(str(number))
    assert rejections.due("0")
    assert not rejections.due("1")
