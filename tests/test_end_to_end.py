"""The whole path by its commands: music and data in, kindred artists out over gRPC, on either database."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile

from indexer.demo.synth import SAMPLE_RATE_HZ, render

SHARED = Path(__file__).resolve().parents[2] / "shared"
ARTISTS = {"Bonfire Tax": "techno", "Kerosene Choir": "ambient", "Ümlaut": "techno"}
GENRES = {"Bonfire Tax": "Techno;Electronic", "Kerosene Choir": "Ambient;Electronic", "Ümlaut": "techno"}
TIMEOUT_S = 300


def _soundkin(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "soundkin", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def _json(environment: dict[str, str], *words: str, code: int = 0) -> Any:  # Any: parsed JSON
    done = _soundkin(environment, *words, "--json")
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return json.loads(done.stdout)


@contextmanager
def _serving(environment: dict[str, str], folder: Path) -> Iterator[str]:
    port_file = folder / "port"
    command = [sys.executable, "-m", "soundkin", "serve", "--listen", "127.0.0.1:0", "--port-file", str(port_file)]
    with subprocess.Popen(command, env=os.environ | environment) as server:
        try:
            deadline = time.monotonic() + 60
            while not port_file.exists():
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield f"127.0.0.1:{port_file.read_text().strip()}"
        finally:
            server.terminate()
            assert server.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two techno artists and an ambient one, two clips each, with a manifest."""
    folder = tmp_path_factory.mktemp("music")
    rows = []
    for number, (artist, style) in enumerate(ARTISTS.items()):
        for take in range(2):
            name = f"{number}-{take}.flac"
            clip = render(style, seed=10 + 2 * number + take, seconds=8.0)
            soundfile.write(folder / name, clip, SAMPLE_RATE_HZ)
            rows.append((name, artist, f"Take {take}", GENRES[artist]))
    with (folder / "tracklist.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "artist", "title", "genre"), *rows])
    return folder


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"SOUNDKIN_HOME": str(tmp_path / "home"), "SOUNDKIN_DATABASE_URL": database_url}


def _write_relations(folder: Path) -> tuple[Path, Path]:
    scene, credits = folder / "scene.json", folder / "credits.csv"
    listed = {"name": "umlaut", "rank": 1, "relationship_strength": 9.0}
    scene.write_text(json.dumps({"Bonfire Tax": {"status": "success", "similar_artists": [listed]}}))
    credits.write_text("artist_a,artist_b,kind,title\nBONFIRE TAX,Kerosene Choir,remix,Ash\n")
    return scene, credits


def _index(environment: dict[str, str], music: Path, folder: Path) -> None:
    scene, credits = _write_relations(folder)
    scanned = _json(environment, "scan", str(music), "--tracklist", str(music / "tracklist.csv"))
    assert (scanned["new_clips"], scanned["rejected"]) == (6, [])
    _json(environment, "import", "scene", str(scene))
    _json(environment, "import", "collaborations", str(credits), "--licence", "own")
    assert _json(environment, "embed")["embedded"] == 6
    assert _json(environment, "embed")["embedded"] == 0
    _json(environment, "build")
    _json(environment, "publish")


def test_music_in_and_kindred_artists_out(environment: dict[str, str], music: Path, tmp_path: Path) -> None:
    _index(environment, music, tmp_path)
    with _serving(environment, tmp_path) as address:
        asking = environment | {"SOUNDKIN_ADDRESS": address}
        similar = _json(asking, "similar", "bonfire  TAX", "--explain")
        _check_similar(similar)
        compared = _json(asking, "compare", "Ümlaut", "Bonfire Tax")
        assert compared["score"] == pytest.approx(similar["artists"][0]["score"], abs=1e-6)
        tracks = _json(asking, "tracks", "Bonfire Tax - Take 0", "--layer", "rhythm")
        assert len(tracks["tracks"]) == 5
        assert (tracks["tracks"][0]["track"]["artist"]["name"]) in {"Bonfire Tax", "Ümlaut"}
        assert "Bonfire Tax" in _soundkin(asking, "similar", "Ümlaut").stdout
        nobody = _soundkin(asking, "similar", "Nobody")
        assert (nobody.returncode, "Nobody" in nobody.stderr) == (2, True)
        assert "Traceback" not in nobody.stderr


def _check_similar(similar: dict[str, Any]) -> None:
    names = [artist["artist"]["name"] for artist in similar["artists"]]
    assert names == ["Ümlaut", "Kerosene Choir"]
    for artist in similar["artists"]:
        told = sum(part["contribution"] for part in artist["breakdown"])
        assert artist["base"] + told == pytest.approx(artist["score"], abs=1e-6)
    assert similar["artists"][0]["explanation"]["genres"][0]["genre"] == "techno"
    assert similar["artists"][1]["explanation"]["recordings"][0] == {"kind": "remix", "title": "Ash"}


def test_without_a_server_the_client_says_what_to_do(tmp_path: Path) -> None:
    done = _soundkin({"SOUNDKIN_ADDRESS": "127.0.0.1:1", "SOUNDKIN_HOME": str(tmp_path)}, "similar", "X")
    assert done.returncode == 1
    assert "soundkin serve" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not (SHARED / "malformed").is_dir(), reason="../shared/malformed is not here")
def test_hostile_files_beside_good_ones_cost_the_good_ones_nothing(music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    shutil.copytree(SHARED / "malformed", folder / "malformed")
    shutil.copytree(music, folder / "good")
    hostile = [path for path in (folder / "malformed").rglob("*") if path.is_file() and path.suffix != ".md"]
    environment = {"SOUNDKIN_HOME": str(tmp_path / "home")}
    scanned = _json(environment, "scan", str(folder), code=1)
    done = _soundkin(environment, "embed", "--json")
    assert done.returncode in (0, 1), done.stderr
    embedded = json.loads(done.stdout)
    rejected = {row["path"]: row["reason"] for row in scanned["rejected"]}
    failed = {path: reason for path, reason, _ in embedded["failed"]}
    assert len(hostile) > 80
    assert not {path for path in rejected | failed if Path(path).is_relative_to(folder / "good")}
    assert all((rejected | failed).values())
    # every hostile file was taken for what it is: a clip that is embedded, or a reason
    assert scanned["new_clips"] + scanned["known_clips"] + len(rejected) == len(hostile) + 6
    assert embedded["embedded"] + len(failed) == scanned["new_clips"]
