"""The demo keeps to its own home, runs this installation, and copes with any music it is given."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from indexer.demo.demo import DemoEncoder, Steps, soundkin
from indexer.demo.synth import demo_catalog
from recommender.generation.open_generation import open_current
from recommender.ranking.artists import ArtistQuery, Recommender
from tests.fakes import write_tone

TIMEOUT_S = 300


def _demo(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "soundkin", "demo", *words]
    environment = os.environ | settings | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    """Two artists of one name, told apart by external ids; the tracklist beside them."""
    folder = tmp_path / "music"
    rows = [("file", "artist", "title", "mbid")]
    for number, mbid in enumerate(("1b2c3d4e-0000-4000-8000-000000000001", "1b2c3d4e-0000-4000-8000-000000000002")):
        for take in range(2):
            path = write_tone(folder / f"{number}-{take}.wav", hz=300 + 900 * number + 50 * take)
            rows.append((path.name, "Twin - Brothers", f"Song {take}", mbid))
    tracklist = folder / "tracklist.csv"
    with tracklist.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder, tracklist


def test_real_music_with_two_artists_of_one_name_is_answered(twins: tuple[Path, Path], tmp_path: Path) -> None:
    folder, tracklist = twins
    catalog_of_the_user = tmp_path / "mine.db"
    done = _demo(
        *("--audio", str(folder), "--manifest", str(tracklist), "--home", str(tmp_path / "home")),
        cwd=tmp_path,
        SOUNDKIN_DATABASE_URL=f"sqlite:///{catalog_of_the_user}",
        SOUNDKIN_PROFILE="commercial",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 clips embedded" in done.stdout
    assert "0 clips embedded, 4 known before" in done.stdout
    assert done.stdout.count("Twin - Brothers") >= 3
    assert "descriptors" in done.stdout
    assert not catalog_of_the_user.exists()
    again = f"--audio {folder} --tracklist {tracklist} --home {tmp_path / 'home'}"
    assert f"soundkin demo {again}\n" in done.stdout
    assert f"soundkin scan {folder} --tracklist {tracklist}\n" in done.stdout


def test_no_artist_that_nobody_heard_stands_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_catalog, "CLIP_S", 6.0)
    music = demo_catalog.write_catalog(tmp_path / "music")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    steps = Steps(home=tmp_path / "home", encoder="descriptors")
    steps.run("scan", str(music.folder), "--tracklist", str(music.tracklist))
    steps.run("import", "scene", str(music.scene), "--source", "map", "--licence", "own")
    steps.run("import", "collaborations", str(music.collaborations), "--source", "credits", "--licence", "own")
    steps.run("embed", "--encoder", "descriptors")
    steps.run("build", "--encoder", "descriptors")
    steps.run("publish")
    generation = open_current(tmp_path / "home")
    assert {entry.status for entry in generation.manifest.calibrations} == {"borrowed"}
    artists, recommender = generation.contents.artists, Recommender(generation)
    first = {}
    for row in np.flatnonzero(artists.vector_row >= 0).tolist():
        query = ArtistQuery(seeds=(row,), mix=dict(generation.manifest.space.default_mix))
        (best,) = recommender.rank_artists(query, offset=0, n=1)
        first[artists.names[row]] = (artists.names[best.row], bool(artists.vector_row[best.row] >= 0))
    assert len(first) == 8
    assert all(heard for _, heard in first.values()), first
    assert first["Hettie Larkhollow"][0] in {"Ostrava Teapot Trio", "Juno Applecart"}


def test_music_that_cannot_be_used_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "song.mp3").write_text("not music")
    done = _demo("--audio", str(tmp_path / "music"), cwd=tmp_path)
    assert done.returncode == 2
    assert "not_audio" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_folder_without_audio_stops_the_demo_after_its_scan(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    done = _demo("--audio", str(tmp_path / "music"), cwd=tmp_path)
    assert done.returncode == 2
    assert "no audio was found" in done.stderr
    assert "no track was found, so there is nothing to ask" in done.stderr
    assert ("soundkin scan" in done.stdout, "soundkin embed" in done.stdout) == (True, False)


def test_no_setting_of_the_user_reaches_the_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDKIN_DATABASE_URL", "postgresql://mine")
    monkeypatch.setenv("SOUNDKIN_EMBED_BATCH", "1")
    environment = Steps(home=tmp_path, encoder="descriptors").environment
    ours = {name: value for name, value in environment.items() if name.startswith("SOUNDKIN_")}
    assert ours == {"SOUNDKIN_HOME": str(tmp_path), "SOUNDKIN_ENCODER": "descriptors"}


def test_a_module_in_the_current_folder_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "indexer.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "soundkin.py").write_text("raise SystemExit('shadowed')")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    command = soundkin("encoder", "list")
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert (done.returncode, done.stdout.startswith("descriptors")) == (0, True), done.stderr


def test_odd_homes_stay_where_they_are(tmp_path: Path) -> None:
    home, music = tmp_path / "a?b=c%20 #d", tmp_path / "music"
    music.mkdir()
    command = soundkin("scan", str(music), "--home", str(home))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    subprocess.run(command, env=environment, capture_output=True, timeout=TIMEOUT_S, check=True)
    assert {path.name for path in tmp_path.iterdir()} == {home.name, music.name}
    assert (home / "catalog.db").is_file()


def test_weights_and_device_are_passed_on_to_embed(tmp_path: Path) -> None:
    chosen = DemoEncoder(name="mert-v1-95m", weights=tmp_path, device="cpu")
    assert chosen.arguments == ("--encoder", "mert-v1-95m", "--weights", str(tmp_path), "--device", "cpu")
    assert DemoEncoder(name="descriptors").arguments == ("--encoder", "descriptors")


def test_a_demo_without_its_weights_stops_before_it_does_anything(tmp_path: Path) -> None:
    done = _demo("--encoder", "mert-v1-95m", "--home", str(tmp_path / "home"), cwd=tmp_path)
    assert done.returncode == 1
    assert "soundkin encoder fetch mert-v1-95m" in done.stderr
    assert not (tmp_path / "home" / "demo-music").exists()


def test_the_demo_and_the_commands_of_the_indexer_load_without_torch() -> None:
    code = """
import sys
class WithoutTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "safetensors", "transformers"}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, WithoutTorch())
import indexer.demo.demo, indexer.embed.embed, indexer.encoder_service.serve, indexer.nightly.nightly
from indexer.encoders.registry import load_encoder
print(load_encoder("descriptors").space.name)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (0, "descriptors\n"), done.stderr
