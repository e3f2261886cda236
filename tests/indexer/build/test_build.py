"""A build says of itself what it holds, finds what the embeddings say is near, and never leaves a wrong one behind."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from msgspec import structs

from indexer.build.build import BuildOptions, replay
from indexer.build.layers import LayerSource
from recommender.array_files import TextColumn
from recommender.errors import GenerationCorrupt
from recommender.generation.golden_answers import differences
from recommender.generation.manifest import Golden
from recommender.generation.open_generation import (
    CURRENT,
    MANIFEST,
    Generation,
    Manifest,
    checksum_file,
    open_generation,
    read_manifest,
)
from recommender.types import Space, Vectors
from recommender.vectors import FaissIndex
from tests.contracts.vector_index import random_unit
from tests.indexer.build.homes import SPACE, add_music, directions, run_build, run_publish, staged


def refit(folder: Path, **changes: object) -> None:
    """Give ``folder`` a manifest that fits its files as they are now."""
    manifest, _ = read_manifest(folder)
    files = tuple(checksum_file(folder / entry.name) for entry in manifest.files)
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text(structs.replace(manifest, files=files, **changes).to_json())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    add_music(tmp_path, range(9))
    return tmp_path


def nearest(home: Path, golden: Golden) -> list[tuple[str, float]]:
    """Everything by cosine with the query of a golden, in plain loops."""
    tracks, owners = directions(home, SPACE.layer_names.index(golden.layer))
    vectors = dict(tracks)
    if golden.kind == "artists":
        sums = {artist: np.zeros(SPACE.dim) for artist in owners.values()}
        for track, vector in tracks.items():
            sums[owners[track]] += vector
        vectors = {artist: total / np.linalg.norm(total) for artist, total in sums.items()}
    cosines = {name: float(vector @ vectors[golden.query]) for name, vector in vectors.items()}
    return sorted(cosines.items(), key=lambda item: (-item[1], item[0]))


def test_goldens_are_the_exact_ten_nearest_of_three_layers(home: Path) -> None:
    goldens = run_build(home).goldens
    counted = [(golden.layer, golden.kind) for golden in goldens]
    assert {pair: counted.count(pair) for pair in counted} == {
        (layer, kind): count for layer in ("low", "middle", "top") for kind, count in (("tracks", 8), ("artists", 4))
    }
    for golden in goldens:
        expected = nearest(home, golden)[:10]
        assert list(golden.answers) == [name for name, _ in expected]
        np.testing.assert_allclose(golden.scores, [cosine for _, cosine in expected], atol=1e-5)


def test_queries_are_spread_over_the_catalog_and_no_two_alike(home: Path) -> None:
    goldens = [golden for golden in run_build(home).goldens if golden.layer == "low"]
    tracks = [golden.query for golden in goldens if golden.kind == "tracks"]
    known = sorted(directions(home, 0)[0])
    assert (tracks[0], tracks[-1], len(set(tracks))) == (known[0], known[-1], 8)


def test_a_small_catalog_has_as_many_goldens_as_it_has_tracks(tmp_path: Path) -> None:
    add_music(tmp_path, range(1), tracks=2, clips=1)
    goldens = run_build(tmp_path).goldens
    assert [(golden.kind, len(golden.answers)) for golden in goldens[:3]] == [
        ("tracks", 2),
        ("tracks", 2),
        ("artists", 1),
    ]


def test_a_staged_generation_has_a_lease_and_nothing_of_it_can_be_written(home: Path) -> None:
    run_build(home)
    folder = staged(home)
    assert (folder / "LEASE").read_bytes() == b""
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert "LEASE" not in {entry.name for entry in read_manifest(folder)[0].files}


def test_the_manifest_says_what_it_was_made_from(home: Path) -> None:
    first = run_build(home)
    run_publish(home)
    second = run_build(home)
    assert (first.parent_version, second.parent_version) == (None, 1)
    assert list(first.shards) == ["00000001.shard"]
    assert (first.quality.bad_vectors, first.quality.recall_floor) == (0, 0.99)
    assert Manifest.from_json(second.to_json()) == second


def test_indexes_are_listed_by_layer_with_their_type(home: Path) -> None:
    indexes = run_build(home).indexes
    assert [(entry.layer, entry.kind, entry.factory, entry.size) for entry in indexes] == [
        (layer, kind, "Flat", size) for layer in SPACE.layer_names for kind, size in (("tracks", 27), ("artists", 9))
    ]
    assert {(entry.recall_at_10, entry.recall_floor, entry.note) for entry in indexes} == {(None, 0.99, "")}


def test_progress_counts_the_layers(home: Path) -> None:
    told: list[tuple[int, int]] = []
    run_build(home, BuildOptions(progress=lambda done, total: told.append((done, total))))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_embeddings_of_a_layer_are_out_of_memory_before_the_next_is_read(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, given = LayerSource.read, list[weakref.ref[npt.NDArray[np.float32]]]()
    still_there: list[int] = []

    def watched(source: LayerSource, layer: int) -> Vectors:
        still_there.append(sum(one() is not None for one in given))
        clips = read(source, layer)
        given.extend(weakref.ref(one) for one in (clips, clips.base) if one is not None)
        return clips

    monkeypatch.setattr(LayerSource, "read", watched)
    run_build(home)
    assert len(given) >= 4
    assert still_there == [0, 0, 0, 0]


def test_a_generation_whose_ids_are_shuffled_fails_its_replay(home: Path) -> None:
    run_build(home)
    folder = staged(home)
    replay(folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    ids = list(TextColumn.load(folder, "track.ids"))
    TextColumn.of([*ids[1:], ids[0]]).save(folder, "track.ids")
    refit(folder)
    with pytest.raises(GenerationCorrupt, match="goldens are answered otherwise"):
        replay(folder)


def test_a_replay_has_one_layer_open_at_a_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large generation the pages of a layer that was asked stay in memory for as long as it is open."""
    run_build(home)
    gc.collect()
    before = _open_indexes()
    found: list[int] = []

    def counting(generation: Generation, goldens: Sequence[Golden]) -> tuple[str, ...]:
        found.append(len([one for one in _open_indexes() if all(one is not other for other in before)]))
        return differences(generation, goldens)

    monkeypatch.setattr("indexer.build.build.differences", counting)
    replay(staged(home))
    assert found == [2, 2, 2]  # of tracks and of artists, for each of three layers


def _open_indexes() -> list[FaissIndex]:
    """By type, not by isinstance(), which asks every object for its class: some of torch's warn when they are asked."""
    return [one for one in gc.get_objects() if issubclass(type(one), FaissIndex)]


def test_a_layer_in_the_file_of_another_fails_its_replay(home: Path) -> None:
    run_build(home)
    folder = staged(home)
    for path in folder.iterdir():
        path.chmod(0o644)
    shutil.copy(folder / "L01.artists.faiss", folder / "L00.artists.faiss")
    refit(folder)
    with pytest.raises(GenerationCorrupt, match="4 goldens are answered otherwise, as artists of layer low"):
        replay(folder)


@pytest.mark.parametrize(("count", "dim"), [(27, 11), (26, 12), (28, 12)])
def test_an_index_of_another_space_or_size_is_not_opened(home: Path, count: int, dim: int) -> None:
    run_build(home)
    folder = staged(home)
    (folder / "L02.tracks.faiss").unlink()
    FaissIndex.write(folder / "L02.tracks.faiss", random_unit(count, dim))
    refit(folder)
    with pytest.raises(GenerationCorrupt, match=rf"L02\.tracks\.faiss: holds {count} vectors of {dim} as Flat"):
        open_generation(folder)


def test_a_manifest_that_leaves_out_an_index_is_not_opened(home: Path) -> None:
    manifest = run_build(home)
    folder = staged(home)
    refit(folder, indexes=manifest.indexes[:-1])
    with pytest.raises(GenerationCorrupt, match="does not list the indexes of the 4 layers"):
        open_generation(folder)


def test_ids_that_lead_past_the_end_of_an_index_are_not_opened(home: Path) -> None:
    run_build(home)
    folder = staged(home)
    path = folder / "track.vector_row.npy"
    path.chmod(0o644)
    rows = np.load(path, allow_pickle=False)
    rows[3] = 27
    np.save(path, rows, allow_pickle=False)
    refit(folder)
    with pytest.raises(GenerationCorrupt, match="vector_row"):
        open_generation(folder)


def test_a_generation_of_an_earlier_format_says_what_to_run(home: Path) -> None:
    run_build(home)
    manifest = staged(home) / MANIFEST
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace('"format": 3', '"format": 2'))
    with pytest.raises(GenerationCorrupt, match="format 2, this release reads 3; run soundkin build"):
        open_generation(staged(home))


def test_a_damaged_pointer_does_not_stop_the_build_that_mends_it(home: Path) -> None:
    run_build(home)
    run_publish(home)
    (home / CURRENT).write_text("{")
    manifest = run_build(home)
    assert (manifest.version, manifest.parent_version) == (2, None)


def test_another_space_in_the_same_home_builds_its_own(home: Path) -> None:
    other: Space = structs.replace(SPACE, revision="2")
    add_music(home, range(2), space=other)
    assert run_build(home, space=other).counts.tracks_indexed == 6
    assert run_build(home).counts.tracks_indexed == 27
