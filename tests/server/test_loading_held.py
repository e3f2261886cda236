"""A folder in which every checksum is right may still be another than the one that was published: it never answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recommender.generation.open_generation import CURRENT, read_current, read_manifest
from recommender.generation.lease import LEASE
from server.metrics import Reason
from server.reload.loaded_generation import Tenancy
from tests.factories import point_to, write_generation
from tests.faults.homes import reseal
from tests.server.conftest import MADE
from tests.server.test_loading import loaded, rejected


def test_a_sound_manifest_that_is_not_the_one_current_names_is_refused(tmp_path: Path) -> None:
    folder = write_generation(tmp_path, MADE)
    reseal(folder, built_at="2026-01-02T00:00:00+00:00")
    found = rejected(tmp_path)
    assert found.reason is Reason.CHECKSUM
    assert "is not the one that was published" in found.why
    point_to(tmp_path, 1)
    answers = loaded(tmp_path)
    assert isinstance(answers, Tenancy), "published as it is, it is as good as any"
    answers.end()


def test_a_pointer_with_another_digest_is_not_followed(tmp_path: Path) -> None:
    write_generation(tmp_path, MADE)
    pointer = read_current(tmp_path)
    assert pointer is not None
    (tmp_path / CURRENT).write_text(replace(pointer, manifest_sha256=pointer.manifest_sha256[::-1]).to_json())
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
    reseal(folder, counts=replace(counts, **{field: getattr(counts, field) + 1}))
    point_to(tmp_path, 1)
    found = rejected(tmp_path)
    assert (found.reason, "manifest says" in found.why) == (Reason.UNREADABLE, True)
