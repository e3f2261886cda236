"""An incremental build gives the files of a full one, from as few shards as that takes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from indexer.build.build import BuildOptions
from indexer.publish.publish import point_to
from indexer.store.store import EmbeddingStore
from recommender.catalog import tables
from recommender.errors import EmbeddingsCorrupt
from recommender.generation.open_generation import MANIFEST, Manifest, read_manifest
from tests.catalog_rows import add_artist
from tests.factories import make_space
from tests.indexer.build.homes import (
    SPACE,
    add_clip,
    add_music,
    embed,
    embeddings_of,
    open_catalog,
    run_build,
    run_publish,
)

INCREMENTAL = BuildOptions(incremental=True)


def sums(manifest: Manifest) -> dict[str, str]:
    """File -> checksum, of every index and every column."""
    return {entry.name: entry.xxh3_128 for entry in manifest.files}


def spoil(home: Path, shard: int) -> None:
    """Alter a vector inside a shard: it opens, but cannot be read."""
    path = EmbeddingStore(home, SPACE).folder / f"{shard:08d}.shard"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 16
    path.chmod(0o644)
    path.write_bytes(raw)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Five artists with fifteen tracks, published."""
    add_music(tmp_path, range(5))
    run_build(tmp_path)
    run_publish(tmp_path)
    return tmp_path


def test_only_the_shards_of_what_is_new_are_read(home: Path) -> None:
    add_music(home, range(5, 7))
    expected = sums(run_build(home))
    spoil(home, 1)
    manifest = run_build(home, INCREMENTAL)
    assert sums(manifest) == expected
    assert (manifest.taken.tracks, manifest.taken.note, manifest.counts.tracks_indexed) == (15, "", 21)
    with pytest.raises(EmbeddingsCorrupt, match=r"00000001\.shard"):
        run_build(home)


def test_a_full_build_takes_nothing_over(home: Path) -> None:
    assert run_build(home).taken.tracks == 0


def test_where_nothing_changed_everything_is_taken_over_and_goldens_stay(home: Path) -> None:
    full = run_build(home)
    spoil(home, 1)
    again = run_build(home, INCREMENTAL)
    assert (again.taken.tracks, sums(again)) == (15, sums(full))
    assert again.goldens == full.goldens


def test_a_track_with_one_more_clip_is_made_again(home: Path) -> None:
    with open_catalog(home) as catalog:
        added = add_clip(catalog, "artist 0", "track 0.0", 9)
    embed(home, [added])
    manifest = run_build(home, INCREMENTAL)
    assert manifest.taken.tracks == 14
    assert sums(manifest) == sums(run_build(home))


def test_a_clip_that_was_embedded_again_is_read_from_where_it_lies_now(home: Path) -> None:
    with open_catalog(home) as catalog:
        clip = catalog.read_embedded_clips(SPACE.key)[0]
    EmbeddingStore(home, SPACE).append([clip.clip_id], embeddings_of([clip.clip_id]) + np.float32(0.25), space=SPACE)
    manifest = run_build(home, INCREMENTAL)
    assert manifest.taken.tracks == 14
    assert sums(manifest) == sums(run_build(home))


def test_a_track_that_moved_to_another_artist_keeps_its_vector_and_changes_both(home: Path) -> None:
    with open_catalog(home) as catalog:
        clips = [clip.clip_id for clip in catalog.read_embedded_clips(SPACE.key)]
        track = catalog.find_or_add_track(add_artist(catalog, "somebody else"), "moved")
        with catalog._writing() as connection:
            connection.execute(tables.clips.update().where(tables.clips.c.id == clips[0]).values(track_id=track))
    manifest = run_build(home, INCREMENTAL)
    assert manifest.taken.tracks in (13, 14)  # the new track, and the old one if it had another clip, are read
    assert sums(manifest) == sums(run_build(home))


def _nothing_published(home: Path) -> None:
    (home / "CURRENT").unlink()


def _flip_a_bit(home: Path) -> None:
    path = home / "versions" / "v00000001" / "L00.tracks.faiss"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(raw)


def _other_software(home: Path) -> None:
    """A manifest that says so, to which CURRENT points rightly."""
    folder = home / "versions" / "v00000001"
    manifest, _ = read_manifest(folder)
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text(structs.replace(manifest, software=manifest.software | {"numpy": "0.1"}).to_json())
    point_to(home, 1, read_manifest(folder)[1])


def _first_format(home: Path) -> None:
    """A manifest of an earlier release, to which CURRENT points rightly."""
    folder = home / "versions" / "v00000001"
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace('"format": 3', '"format": 2'))


@pytest.mark.parametrize(
    ("spoiling", "said"),
    [
        (_nothing_published, "nothing is published"),
        (_flip_a_bit, "L00.tracks.faiss: does not have its checksum"),
        (_other_software, "v00000001 was built by other software"),
        (_first_format, "format 2, this release reads 3"),
    ],
)
def test_a_parent_that_cannot_be_trusted_means_a_full_build_that_says_why(
    home: Path, spoiling: Callable[[Path], None], said: str
) -> None:
    expected = sums(run_build(home))
    spoiling(home)
    manifest = run_build(home, INCREMENTAL)
    assert manifest.taken.tracks == 0
    assert sums(manifest) == expected
    assert said in manifest.taken.note


def test_a_parent_of_another_space_means_a_full_build_that_says_why(home: Path) -> None:
    other = make_space(SPACE.layer_names, dim=7)
    add_music(home, range(3), space=other)
    manifest = run_build(home, INCREMENTAL, space=other)
    assert (manifest.taken.tracks, manifest.taken.note) == (0, f"v00000001 is of another space, {SPACE.key}")


def test_a_parent_without_vectors_means_a_full_build_that_says_why(tmp_path: Path) -> None:
    with open_catalog(tmp_path) as catalog:
        add_artist(catalog, "only a name")
    run_build(tmp_path)
    run_publish(tmp_path)
    add_music(tmp_path, range(2))
    assert run_build(tmp_path, INCREMENTAL).taken.note == "v00000001 has no vectors"


CHANGE = st.tuples(st.sampled_from(["add", "more", "forget", "again"]), st.integers(0, 7))


@settings(deadline=None, max_examples=4, phases=(Phase.explicit, Phase.generate))  # shrinking takes minutes
@given(rounds=st.lists(st.lists(CHANGE, max_size=4), min_size=1, max_size=2))
def test_whatever_came_and_went_the_files_are_those_of_a_full_build(rounds: list[list[tuple[str, int]]]) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        add_music(home, range(4))
        run_build(home)
        run_publish(home)
        for changes in rounds:
            _change(home, changes)
            full = sums(run_build(home))
            assert sums(run_build(home, INCREMENTAL)) == full
            run_publish(home)
    finally:
        shutil.rmtree(home)


def _change(home: Path, changes: Iterable[tuple[str, int]]) -> None:
    for what, which in changes:
        with open_catalog(home) as catalog:
            clips = [clip.clip_id for clip in catalog.read_embedded_clips(SPACE.key)]
            if what == "add":
                embed(home, [add_clip(catalog, f"artist {which}", f"new {which}", 0)])
            elif what == "more":
                embed(home, [add_clip(catalog, f"artist {which % 4}", f"track {which % 4}.0", 10 + which)])
            elif what == "forget" and len(clips) > 4:
                catalog.forget_extractions(SPACE.key, [clips[which % len(clips)]])
            else:
                again = clips[which % len(clips)]
                EmbeddingStore(home, SPACE).append([again], embeddings_of([again]) * np.float32(1.1), space=SPACE)
