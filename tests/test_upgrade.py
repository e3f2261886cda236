"""A home that an earlier release made: it opens, serves, goes on to a new generation, and goes back to the old one.

``tests/data/homes/a5b8e6a.tar.gz`` was made once, in a checkout of commit a5b8e6a with the libraries of that day, by
this script and ``tar`` (owners and times set to 0). The files that it imports lie in the home::

    from indexer.imports import import_collaborations, import_genres, import_scene
    from indexer.overnight.report import write_report
    from recommender.fitted import to_json
    from tests.faults.homes import add_tracks, build_and_publish, open_catalog

    add_tracks(home, range(6))  # 3 artists of 2 tracks, embeddings drawn from the ids of the clips
    with open_catalog(home) as catalog:
        import_genres(catalog, home / "genres.csv", source="shelf", licence="own")
        import_scene(catalog, home / "scene.csv", source="shelf", licence="own")
        import_collaborations(catalog, home / "collaborations.csv", source="shelf", licence="own")
        run = catalog.begin_run("nightly", at="2026-11-21T02:30:00+00:00")
    (home / "fitted.json").write_text(to_json(WEIGHTS, PROVENANCE))  # as the first test here reads them
    build_and_publish(home)
    write_report(home, REPORT)  # one step, "scan", with the problem SILENT below
    (home / "nightly.toml").write_text('profile = "personal" …')
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.maintain.verify import verify
from indexer.nightly.config import CONFIG_FILE, read_config
from indexer.nightly.report import Problem, new_among
from indexer.store.store import SHARDS, EmbeddingStore, spaces
from recommender.fusion.learned_weights import load as load_weights
from recommender.generation.open_generation import Generation, open_current, read_manifest
from recommender.types import SignalName, Use
from tests.catalog_rows import read_runs
from tests.faults.homes import SPACE, open_catalog, served

LIMIT_S = 120
"""How long any program may take: a bound for a busy machine."""
HOMES = Path(__file__).parent / "data" / "homes"
SILENT = Problem(step="scan", what="/music/a.wav", reason="silent", detail="nothing above -60 dBFS")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The old home, its published generation read-only as publishing left it."""
    home = tmp_path / "home"
    with tarfile.open(HOMES / "a5b8e6a.tar.gz") as archive:
        archive.extractall(home, filter="data")
    for folder in (home / "versions").iterdir():
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
    return home


def soundkin(home: Path, *words: str) -> subprocess.Popen[str]:
    """``soundkin`` with ``words``, on its way, for ``home``."""
    command = [sys.executable, "-m", "soundkin", *words]
    environment = os.environ | {"SOUNDKIN_HOME": str(home)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(home: Path, *words: str) -> str:
    """What ``soundkin`` with ``words`` prints, which must succeed."""
    with soundkin(home, *words) as process:
        out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    return out


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """The address of ``soundkin serve`` on ``home``."""
    port_file = home.parent / "port"
    with soundkin(home, "serve", "--listen=127.0.0.1:0", f"--port-file={port_file}", "--lame-duck=0") as server:
        try:
            deadline = time.monotonic() + LIMIT_S
            while not port_file.exists():
                assert server.poll() is None, server.communicate()[1]
                assert time.monotonic() < deadline, "no port file"
                time.sleep(0.02)
            yield f"127.0.0.1:{port_file.read_text().strip()}"
        finally:
            server.terminate()
            server.communicate(timeout=LIMIT_S)


def shard_bytes(home: Path) -> dict[str, bytes]:
    """Shard -> its content, of the one space there is."""
    return {path.name: path.read_bytes() for path in EmbeddingStore(home, SPACE).folder.glob(SHARDS)}


def test_every_file_of_the_home_is_read_as_it_was_meant(home: Path) -> None:
    manifest, _ = read_manifest(home / "versions" / "v00000001")
    assert (manifest.version, manifest.use, manifest.sources) == (1, "personal", {"shelf": "own"})
    assert (manifest.space, spaces(home)) == (SPACE, (SPACE,))
    weights, provenance = load_weights(home / "fitted.json")
    assert (weights.slopes, weights.heard, weights.refused) == (
        (1.5, 0.5, 0.0, 0.25),
        (90, 40, 70, 50),
        (SignalName.GENRE,),
    )
    assert (provenance.date, provenance.space) == ("2026-11-21", SPACE.fingerprint)
    assert read_config(home / CONFIG_FILE).use is Use.PERSONAL, "under its old name, profile"
    assert new_among([SILENT], home) == (), "the report of the last run has it"


def test_the_catalog_opens_and_has_everything_in_it(home: Path) -> None:
    with open_catalog(home) as catalog:
        counts = catalog.counts()
        assert (counts["artists"], counts["tracks"], counts["clips"]) == (3, 6, 6)
        assert [run.state for run in read_runs(catalog, "nightly")] == ["done"]
        assert [generation.version for generation in catalog.read_generations()] == [1]
        assert catalog.pending_clips(SPACE.key, retry_failed=True) == []


def test_every_byte_verifies_and_the_generation_opens(home: Path) -> None:
    report = verify(home)
    assert (report.version, report.corrupt, report.problems, report.clips) == (1, None, (), 6)
    generation = open_current(home)
    assert sorted(generation.contents.artists.names) == ["Artist 0", "Artist 1", "Artist 2"]
    assert generation.contents.relations.genre_weights.nnz == 3
    assert [*generation.calibration.layers] == ["low", "high"]


def test_a_server_answers_from_it(home: Path) -> None:
    with serving(home) as address:
        assert "Artist 1" in run(home, "similar", "Artist 0", "--address", address)
        assert "Together" in run(home, "compare", "Artist 1", "Artist 2", "--address", address)


def test_it_goes_on_to_the_next_version_without_a_second_extraction_and_back(home: Path) -> None:
    before = shard_bytes(home)
    run(home, "build", "--incremental", "--space", SPACE.key)
    run(home, "publish")
    assert served(home) == 2
    assert shard_bytes(home) == before
    new = open_current(home)
    run(home, "rollback")
    assert served(home) == 1
    assert vectors(open_current(home)) == vectors(new)
    assert verify(home).problems == ()


def vectors(generation: Generation) -> dict[str, list[list[float]]]:
    """Layer -> its track vectors, in the order of the ids."""
    rows = generation.contents.tracks.vector_row
    return {layer: index.vectors(rows).tolist() for layer, index in generation.tracks.items()}
