"""Build and publish: what is served is what was computed, whole, or not at all."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import soundkin
from indexer.audio.workers.pool import DecoderPool
from indexer.build.build import build
from indexer.embed.embed import EmbedOptions, embed
from indexer.ingest.scan import scan
from indexer.maintain.verify import verify
from indexer.publish.gate import Terms
from indexer.publish.publish import publish
from indexer.publish.quarantine import QUARANTINE
from indexer.store.store import EmbeddingStore
from recommender.catalog import Catalog
from recommender.catalog.rows import Publication, SceneList
from recommender.errors import (
    GenerationCorrupt,
    InvalidArgument,
    LicenceRefused,
    PublishRefused,
    SoundkinError,
    Unavailable,
)
from recommender.generation.lease import Lease
from recommender.generation.manifest import with_sum
from recommender.generation.open_generation import CURRENT, MANIFEST, Manifest, open_current, read_current
from recommender.types import Use
from recommender.vectors import unit
from tests.catalog_rows import add_artist
from tests.fakes import BandEncoder, write_tone
from tests.faults import homes

TONES = {"Low": (150, 170), "Middle": (900,), "High": (3000, 3100, 3200)}


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(workers=1) as opened:
        yield opened


@pytest.fixture
def indexed(catalog: Catalog, tmp_path: Path, pool: DecoderPool) -> Catalog:
    """A catalog with three artists and six clips, embedded in ``tmp_path``."""
    for artist, tones in TONES.items():
        for hz in tones:
            write_tone(tmp_path / "music" / artist / f"{hz}.wav", hz=hz)
    scan(catalog, tmp_path / "music", pool=pool, progress=lambda done, total: None)
    embed(catalog, EmbeddingStore(tmp_path, BandEncoder.space), BandEncoder(), pool, options=EmbedOptions())
    return catalog


def _build(catalog: Catalog, home: Path, use: Use = Use.PERSONAL) -> Manifest:
    store = EmbeddingStore(home, BandEncoder.space)
    return build(catalog, store, home, use=use)


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
    add_artist(indexed, "Silent")
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


def test_the_same_catalog_builds_the_same_files(indexed: Catalog, tmp_path: Path) -> None:
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
    _build(indexed, tmp_path, Use.COMMERCIAL)
    indexed.add_scene_lists([SceneList(source="music-map", artist_id=indexed.read_artists()[0].id)])
    _build(indexed, tmp_path, Use.PERSONAL)
    with pytest.raises(LicenceRefused, match="music-map"):
        _build(indexed, tmp_path, Use.COMMERCIAL)


def test_an_empty_catalog_is_refused_with_what_to_do(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="soundkin scan"):
        _build(catalog, tmp_path)


def test_artists_without_any_audio_still_make_a_generation(catalog: Catalog, tmp_path: Path) -> None:
    add_artist(catalog, "Only a name")
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
    with pytest.raises(InvalidArgument, match="typo is not a folder"):
        verify(tmp_path / "typo")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Version 1 served, version 2 staged."""
    home = tmp_path / "home"
    homes.add_tracks(home, range(4))
    homes.build_and_publish(home)
    homes.build(home)
    return home


def actions(home: Path) -> list[tuple[int, str]]:
    with homes.open_catalog(home) as catalog:
        return [(each.version, each.action) for each in catalog.read_publications()]


def run(home: Path, *words: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command of ours on ``home``."""
    done = CliRunner().invoke(soundkin.front_door, [*words, "--home", str(home)])
    status = soundkin._status(done.exception) if isinstance(done.exception, SoundkinError) else done.exit_code
    return status, done.stdout, done.stderr


def test_what_is_published_can_be_read_and_leased_and_not_written(home: Path) -> None:
    homes.publish(home)
    folder = home / "versions" / "v00000002"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o555
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}
    with Lease.take(folder):
        assert open_current(home).manifest.version == 2


@pytest.mark.parametrize("harmed", ["MANIFEST.json", "artist.names.utf8.npy"])
def test_a_damaged_build_is_set_aside_with_what_is_wrong_with_it(home: Path, harmed: str) -> None:
    path = home / "staging" / "v00000002" / harmed
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(GenerationCorrupt):
        homes.publish(home)
    (kept,) = (home / QUARANTINE).iterdir()
    assert kept.name == "v00000002@corrupt"
    assert harmed in json.loads((kept / "REASON.json").read_text())["refusals"][0]["detail"]
    assert (homes.served(home), homes.build(home).version) == (1, 3)
    assert homes.publish(home).version == 3


def test_the_sha256_is_checked_too(home: Path) -> None:
    folder = home / "staging" / "v00000002"
    told = json.loads((folder / MANIFEST).read_text())
    told["files"][3]["sha256"] = "0" * 64
    (folder / MANIFEST).chmod(0o644)
    (folder / MANIFEST).write_text(json.dumps(with_sum(told)))
    with pytest.raises(GenerationCorrupt, match="checksums"):
        homes.publish(home)


def test_a_build_that_was_killed_before_its_manifest_is_no_build(home: Path) -> None:
    (home / "staging" / "v00000002" / MANIFEST).unlink()
    with pytest.raises(InvalidArgument, match="no built generation"):
        homes.publish(home)
    assert homes.build_and_publish(home) == 2


def test_a_run_that_died_before_the_record_is_put_on_record_by_the_next(home: Path) -> None:
    homes.publish(home)
    with homes.open_catalog(home) as catalog, catalog._writing() as connection:
        connection.exec_driver_sql("DELETE FROM generations WHERE version = 2")
        connection.exec_driver_sql("DELETE FROM publications WHERE version = 2")
    with pytest.raises(InvalidArgument):
        homes.publish(home)
    assert actions(home) == [(1, "publish"), (2, "publish")]


def strand(home: Path) -> None:
    """Leave what is staged as a run leaves it that was killed just after the rename."""
    (home / "staging" / "v00000002").rename(home / "versions" / "v00000002")


def test_one_that_a_killed_run_left_is_held_to_the_terms_of_the_run_that_finishes_it(home: Path) -> None:
    strand(home)
    (home / "versions" / "v00000002").chmod(0o555)
    with pytest.raises(PublishRefused, match="other_model"):
        homes.publish(home, terms=Terms(encoder="mert-v1-95m"))
    assert homes.served(home) == 1
    assert [folder.name for folder in (home / QUARANTINE).iterdir()] == ["v00000002@other_model"]
    assert actions(home) == [(1, "publish"), (2, "refused")]


def test_one_that_a_killed_run_left_is_finished_where_the_gate_has_nothing_against_it(home: Path) -> None:
    strand(home)
    assert homes.publish(home, terms=Terms()).version == 2
    assert actions(home) == [(1, "publish"), (2, "publish")]


@pytest.mark.parametrize(("overruled", "finished"), [("other_model", True), ("fewer_tracks", False)])
def test_what_was_overruled_stays_overruled_and_nothing_else(home: Path, overruled: str, finished: bool) -> None:
    strand(home)
    forced = Publication(version=2, action="publish", refusals=f"{overruled}: x", forced_why="so", at="2026-11-21")
    with homes.open_catalog(home) as catalog:
        catalog.record_publication(forced)
    with nullcontext() if finished else pytest.raises(PublishRefused, match="other_model"):
        homes.publish(home, terms=Terms(encoder="mert-v1-95m"))
    assert homes.served(home) == (2 if finished else 1)


def test_a_current_that_cannot_be_read_is_replaced_by_the_next_build(home: Path) -> None:
    (home / CURRENT).write_bytes(b"\0" * 40)
    assert homes.publish(home).version == 2
    assert open_current(home).manifest.version == 2


def test_a_current_of_the_first_release_is_understood(home: Path) -> None:
    told = json.loads((home / CURRENT).read_text())
    first = {name: told[name] for name in ("format", "version", "manifest_sha256")}
    (home / CURRENT).write_text(json.dumps(first))
    pointer = read_current(home)
    assert pointer is not None
    assert (pointer.version, pointer.latest) == (1, 1)


def test_numbers_go_on_upward_after_a_refusal_and_without_the_catalog(home: Path) -> None:
    homes.reseal(home / "staging" / "v00000002", indexes=())
    with pytest.raises(GenerationCorrupt):
        homes.publish(home)
    assert homes.build(home).version == 3


def test_why_is_not_empty(home: Path) -> None:
    with pytest.raises(InvalidArgument, match="why"):
        homes.publish(home, forced_why=" ")
    assert homes.served(home) == 1


@pytest.mark.parametrize("words", [["--force"], ["--why", "because"]])
def test_force_and_why_go_together(home: Path, words: list[str]) -> None:
    assert run(home, "publish", *words)[0] == 2
    assert homes.served(home) == 1


def test_the_command_tells_the_reasons_one_a_line_and_exits_1(home: Path) -> None:
    status, out, err = run(home, "publish", "--profile", "commercial", "--encoder", "mert")
    assert status == 1
    assert err.splitlines() == [
        "other_model: it is of encoder made, mert is asked for",
        "licence: it was built for personal use, commercial is asked for",
    ]
    assert (out, homes.served(home)) == ("", 1)


def test_the_command_tells_the_reasons_as_json(home: Path) -> None:
    status, out, _ = run(home, "publish", "--encoder", "mert", "--json")
    told = json.loads(out)
    assert (status, told["refused"], [each["code"] for each in told["reasons"]]) == (1, "v00000002", ["other_model"])


def test_the_commands_go_forward_back_and_clean_up(home: Path) -> None:
    assert run(home, "publish")[0] == 0
    status, out, _ = run(home, "rollback")
    assert (status, out) == (0, f"generation 1 serves again in {home}\n")
    assert run(home, "rollback", "v2")[0] == 0
    assert run(home, "rollback", "7")[0] == 2
    assert actions(home) == [(1, "publish"), (2, "publish"), (1, "rollback"), (2, "rollback")]
    status, out, _ = run(home, "collect", "--keep", "1", "--min-age-hours", "0", "--dry-run")
    assert (status, out.splitlines()[0], out.endswith("MB would be freed\n")) == (0, "versions/v00000001", True)
    told = json.loads(run(home, "collect", "--keep", "1", "--min-age-hours", "0", "--json")[1])
    assert told["removed"] == ["versions/v00000001"]
    assert [path.name for path in (home / "versions").iterdir()] == ["v00000002"]
