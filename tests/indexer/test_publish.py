"""Build and publish: what is served is what was computed, whole, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import soundkin
from indexer.audio.workers.pool import DecoderPool
from indexer.build.build import build
from indexer.embed.embed import EmbedOptions, embed
from indexer.ingest.scan import scan
from indexer.maintain.verify import verify
from indexer.publish.publish import publish
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.catalog.rows import SceneList
from recommender.errors import GenerationCorrupt, InvalidArgument, LicenceRefused, Unavailable
from recommender.generation.manifest import with_sum
from recommender.generation.open_generation import Manifest, open_current, read_current
from recommender.types import Profile
from recommender.vectors import unit
from tests.fakes import BandEncoder, write_tone

TONES = {"Low": (150, 170), "Middle": (900,), "High": (3000, 3100, 3200)}


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(workers=1) as opened:
        yield opened


@pytest.fixture
def indexed(catalog: Catalog, tmp_path: Path, pool: DecoderPool) -> Catalog:
    """A catalogue with three artists and six clips, embedded in ``tmp_path``."""
    for artist, tones in TONES.items():
        for hz in tones:
            write_tone(tmp_path / "music" / artist / f"{hz}.wav", hz=hz)
    scan(catalog, tmp_path / "music", manifest=None, pool=pool, progress=lambda done, total: None)
    embed(catalog, EmbeddingStore(tmp_path, BandEncoder.space), BandEncoder(), pool, options=EmbedOptions())
    return catalog


def _build(catalog: Catalog, home: Path, profile: Profile = Profile.PERSONAL) -> Manifest:
    store = EmbeddingStore(home, BandEncoder.space)
    return build(catalog, store, home, profile=profile)


def test_nothing_is_served_before_it_is_published(indexed: Catalog, tmp_path: Path) -> None:
    _build(indexed, tmp_path)
    assert read_current(tmp_path) is None
    with pytest.raises(Unavailable, match="nothing is published"):
        open_current(tmp_path)


def test_artist_vectors_are_renormalised_means_of_unit_track_vectors(indexed: Catalog, tmp_path: Path) -> None:
    _build(indexed, tmp_path)
    publish(indexed, tmp_path)
    generation = open_current(tmp_path)
    artists, tracks = generation.contents.artists, generation.contents.tracks
    store = EmbeddingStore(tmp_path, BandEncoder.space)
    clip_of = {clip.track_id: clip.clip_id for clip in indexed.read_embedded_clips(BandEncoder.space.key)}
    for layer, name in enumerate(BandEncoder.space.layer_names):
        for row in range(len(artists.ids)):
            clips = [clip_of[tracks.ids[int(track)]] for track in np.flatnonzero(tracks.artist == row)]
            expected = unit(unit(store.layer(layer, clips)).mean(axis=0, keepdims=True))
            found = generation.artists[name].vectors(artists.vector_row[[row]])
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_artist_without_audio_is_there_and_not_indexed(indexed: Catalog, tmp_path: Path) -> None:
    indexed.find_or_add_artist("Silent")
    manifest = _build(indexed, tmp_path)
    publish(indexed, tmp_path)
    artists = open_current(tmp_path).contents.artists
    assert (manifest.counts.artists, manifest.counts.artists_indexed) == (4, 3)
    assert artists.vector_row[list(artists.names).index("Silent")] == -1


def test_versions_count_up_and_the_last_is_served(indexed: Catalog, tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        assert _build(indexed, tmp_path).version == expected
        publish(indexed, tmp_path)
        assert open_current(tmp_path).manifest.version == expected
    assert [generation.version for generation in indexed.read_generations()] == [1, 2, 3]


def test_the_same_catalogue_builds_the_same_files(indexed: Catalog, tmp_path: Path) -> None:
    assert _build(indexed, tmp_path).files == _build(indexed, tmp_path).files


def test_there_is_nothing_to_publish_twice(indexed: Catalog, tmp_path: Path) -> None:
    _build(indexed, tmp_path)
    publish(indexed, tmp_path)
    with pytest.raises(InvalidArgument, match="no built generation"):
        publish(indexed, tmp_path)


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "add"])
def test_a_damaged_build_is_not_published_and_the_old_one_stays(indexed: Catalog, tmp_path: Path, harm: str) -> None:
    _build(indexed, tmp_path)
    publish(indexed, tmp_path)
    _build(indexed, tmp_path)
    path = tmp_path / "staging" / "v00000002" / "L00.tracks.faiss"
    path.chmod(0o644)
    raw = bytearray(path.read_bytes())
    if harm == "flip":
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    elif harm == "cut":
        path.write_bytes(raw[:-1])
    elif harm == "remove":
        path.unlink()
    else:
        path.with_name("extra.npy").write_bytes(b"")
    with pytest.raises(GenerationCorrupt):
        publish(indexed, tmp_path)
    assert open_current(tmp_path).manifest.version == 1


def test_a_publish_that_died_before_the_pointer_is_finished_by_the_next(indexed: Catalog, tmp_path: Path) -> None:
    _build(indexed, tmp_path)
    publish(indexed, tmp_path)
    _build(indexed, tmp_path)
    (tmp_path / "staging" / "v00000002").rename(tmp_path / "versions" / "v00000002")
    assert open_current(tmp_path).manifest.version == 1
    publish(indexed, tmp_path)
    assert open_current(tmp_path).manifest.version == 2


def test_a_generation_that_is_not_the_published_one_is_refused(indexed: Catalog, tmp_path: Path) -> None:
    _build(indexed, tmp_path)
    publish(indexed, tmp_path)
    manifest = tmp_path / "versions" / "v00000001" / "MANIFEST.json"
    data = json.loads(manifest.read_text())
    data["profile"] = "commercial"
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(with_sum(data)))
    with pytest.raises(GenerationCorrupt, match="not the one that was published"):
        open_current(tmp_path)


def test_a_source_the_profile_forbids_stops_the_build(indexed: Catalog, tmp_path: Path) -> None:
    indexed.ensure_source("music-map", "none")
    _build(indexed, tmp_path, Profile.COMMERCIAL)
    indexed.add_scene_lists([SceneList(source="music-map", artist_id=indexed.read_artists()[0].id)])
    _build(indexed, tmp_path, Profile.PERSONAL)
    with pytest.raises(LicenceRefused, match="music-map"):
        _build(indexed, tmp_path, Profile.COMMERCIAL)


def test_an_empty_catalogue_is_refused_with_what_to_do(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="soundkin scan"):
        _build(catalog, tmp_path)


def test_artists_without_any_audio_still_make_a_generation(catalog: Catalog, tmp_path: Path) -> None:
    catalog.find_or_add_artist("Only a name")
    _build(catalog, tmp_path)
    publish(catalog, tmp_path)
    generation = open_current(tmp_path)
    assert (generation.manifest.counts.tracks, dict(generation.artists)) == (0, {})


def test_verify_reads_everything_and_names_what_is_wrong(indexed: Catalog, tmp_path: Path) -> None:
    _build(indexed, tmp_path)
    publish(indexed, tmp_path)
    clean = verify(tmp_path)
    assert (clean.version, clean.corrupt, clean.shards, clean.clips, clean.problems) == (1, None, 1, 6, ())
    assert clean.files == len(list((tmp_path / "versions" / "v00000001").iterdir())) - 2  # MANIFEST.json, LEASE
    shard = tmp_path / "embeddings" / BandEncoder.space.key / "00000001.shard"
    raw = bytearray(shard.read_bytes())
    raw[200] ^= 4
    shard.write_bytes(raw)
    (tmp_path / "versions" / "v00000001" / "track.ids.utf8.npy").chmod(0o644)
    (tmp_path / "versions" / "v00000001" / "track.ids.utf8.npy").write_bytes(b"")
    found = verify(tmp_path)
    assert [Path(path).name for path, _ in found.problems] == ["track.ids.utf8.npy", "00000001.shard"]
    assert (found.version, found.corrupt, found.files) == (None, "v00000001", 0)


def test_verify_says_which_generation_is_corrupt(
    indexed: Catalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _build(indexed, tmp_path)
    publish(indexed, tmp_path)
    (tmp_path / "versions" / "v00000001" / "track.ids.utf8.npy").chmod(0o644)
    (tmp_path / "versions" / "v00000001" / "track.ids.utf8.npy").write_bytes(b"")
    for corrupt in ("v00000001", "CURRENT"):
        with pytest.raises(SystemExit, match="1"):
            soundkin.main(["verify", "--home", str(tmp_path)])
        assert capsys.readouterr().out.startswith(f"{corrupt} is corrupt, 0 files; 1 shards")
        (tmp_path / "CURRENT").write_text("{")


def test_an_unused_home_verifies_as_empty(tmp_path: Path) -> None:
    assert verify(tmp_path).version is None
    assert verify(tmp_path).problems == ()


def test_a_home_that_does_not_exist_is_wrong_use_and_not_without_problems(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="typo is no folder"):
        verify(tmp_path / "typo")
