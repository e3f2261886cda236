"""The commands about encoders, and embedding with a model of full size."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from indexer.demo.synth import SAMPLE_RATE_HZ, render

ROOT = Path(__file__).resolve().parents[3]
FULL_SIZE = "SOUNDKIN_TEST_FULL_SIZE"
TIMEOUT_S = 300


def _soundkin(home: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SOUNDKIN_HOME": str(home), "PYTHONPATH": str(ROOT)} | settings
    command = [sys.executable, "-m", "soundkin", *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def test_the_list_says_where_weights_belong_and_what_is_allowed(tmp_path: Path) -> None:
    done = _soundkin(tmp_path, "encoder", "list")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("descriptors: 5 layers of 48: timbre, ")
    assert f"weights belong in {tmp_path}/models/mert-v1-95m: not there" in done.stdout
    assert "CC-BY-NC-4.0 (allows noncommercial, personal)" in done.stdout
    listed = json.loads(_soundkin(tmp_path, "encoder", "list", "--json").stdout)
    assert [(one["name"], len(one["layers"]), one["dim"]) for one in listed] == [
        ("descriptors", 5, 48),
        ("mert-v1-95m", 13, 768),
        ("mert-v1-330m", 25, 1024),
    ]


def test_what_needs_weights_is_refused_for_an_encoder_without(tmp_path: Path) -> None:
    for words in (("verify", "descriptors"), ("fetch", "descriptors"), ("make-random", "descriptors", "x")):
        done = _soundkin(tmp_path, "encoder", *words)
        assert (done.returncode, "descriptors has no weights" in done.stderr) == (2, True), words


def test_embedding_without_weights_says_how_to_get_them(tmp_path: Path) -> None:
    done = _soundkin(tmp_path, "embed", "--encoder", "mert-v1-95m")
    assert done.returncode == 1
    assert "soundkin encoder fetch mert-v1-95m" in done.stderr


def test_a_licence_is_checked_before_anything_is_loaded(tmp_path: Path) -> None:
    done = _soundkin(tmp_path, "embed", "--encoder", "mert-v1-95m", "--profile", "commercial")
    assert done.returncode == 1
    assert "does not allow" in done.stderr


def test_weights_given_by_the_environment_reach_the_encoder(tmp_path: Path) -> None:
    done = _soundkin(tmp_path, "embed", SOUNDKIN_WEIGHTS=str(tmp_path))
    assert (done.returncode, "descriptors has no weights to choose" in done.stderr) == (2, True)
    done = _soundkin(tmp_path, "embed", SOUNDKIN_DEVICE="cuda:7")
    assert (done.returncode, "descriptors has no device to choose" in done.stderr) == (2, True)


def test_a_build_from_a_space_that_was_never_embedded_is_wrong_use(tmp_path: Path) -> None:
    done = _soundkin(tmp_path, "build", "--encoder", "mert-v1-95m")
    assert done.returncode == 2
    assert "embedded so far: nothing" in done.stderr


@pytest.mark.skipif(
    not os.environ.get(FULL_SIZE), reason=f"writes 380 MB and computes for half a minute: {FULL_SIZE}=1 runs it"
)
def test_a_model_of_full_size_goes_from_files_to_a_generation(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="MERT needs torch: pip install 'soundkin[mert]'")
    weights, home, music = tmp_path / "weights", tmp_path / "home", tmp_path / "music"
    assert _soundkin(home, "encoder", "make-random", "mert-v1-95m", str(weights), "--seed", "1").returncode == 0
    assert "is there already" in _soundkin(home, "encoder", "make-random", "mert-v1-95m", str(weights)).stderr
    first = json.loads(_soundkin(home, "encoder", "verify", "mert-v1-95m", "--weights", str(weights), "--json").stdout)
    assert (first["tensors"], first["published"], first["known_answer"]) == (211, False, "recorded")
    music.mkdir()
    for number in range(2):
        clip = render("folk", seed=number, seconds=6.0)
        soundfile.write(music / f"Artist {number} - Song.wav", clip, SAMPLE_RATE_HZ)
    assert _soundkin(home, "scan", str(music), "--workers", "1").returncode == 0
    asked = ("embed", "--encoder", "mert-v1-95m", "--weights", str(weights), "--device", "cpu", "--workers", "1")
    report = json.loads(_soundkin(home, *asked, "--price-per-hour", "2", "--json").stdout)
    assert (report["embedded"], report["space"], report["audio_s"]) == (2, first["space"], pytest.approx(12.0))
    assert report["cost"]["price_per_1000_artists"] == pytest.approx(2 * report["cost"]["hours_per_1000_artists"])
    shutil.rmtree(weights)
    built = json.loads(_soundkin(home, "build", "--encoder", "mert-v1-95m", "--json").stdout)
    assert (len(built["space"]["layers"]), built["space"]["dim"], built["counts"]["clips"]) == (13, 768, 2)
