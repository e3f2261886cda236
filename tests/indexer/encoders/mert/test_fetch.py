"""Fetching a model, from a cache of the hub made here in its documented layout; the network is never asked."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="MERT needs torch: pip install 'soundkin[mert]'")
pytest.importorskip("huggingface_hub", reason="fetching needs huggingface_hub: pip install 'soundkin[mert]'")

from indexer.encoders.mert.convert import convert_folder
from indexer.encoders.mert.models import ORIGIN_FILE, is_published
from indexer.encoders.mert.random_checkpoint import write_checkpoint
from tests.indexer.encoders.mert import tiny

ROOT = Path(__file__).resolve().parents[4]
COMMIT = "c5a8dd1" + "0" * 33
REPO = "models--m-a-p--MERT-v1-95M"

FETCH_TINY = """
import sys
from dataclasses import replace
from pathlib import Path
from indexer.encoders.mert.fetch import fetch
from tests.indexer.encoders.mert import tiny
pins = {"pytorch_model.bin": sys.argv[2]}
spec = replace(tiny.spec_of(tiny.POST_NORM), repo="m-a-p/MERT-v1-95M", revision="c5a8dd1", published=pins)
print(fetch(spec, Path(sys.argv[1])).sha256)
"""


@pytest.fixture
def hub(tmp_path: Path) -> dict[str, str]:
    """Environment in which the only hub is a cache that holds a tiny checkpoint as the 95M model."""
    repo = tmp_path / "hf" / "hub" / REPO
    write_checkpoint(repo / "snapshots" / COMMIT, tiny.POST_NORM, seed=3, published_form=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    return _offline(tmp_path / "hf")


def _offline(home: Path) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "SOUNDKIN_"))}
    return others | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "PYTHONPATH": str(ROOT)}


def _run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


def _published_file(hub: dict[str, str]) -> Path:
    return Path(hub["HF_HOME"]) / "hub" / REPO / "snapshots" / COMMIT / "pytorch_model.bin"


def test_what_the_cache_holds_is_fetched_converted_and_on_record(hub: dict[str, str], tmp_path: Path) -> None:
    pin = hashlib.sha256(_published_file(hub).read_bytes()).hexdigest()
    folder = tmp_path / "models" / "tiny"
    done = _run(hub, "-c", FETCH_TINY, str(folder), pin)
    assert done.returncode == 0, done.stderr
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert done.stdout.strip() == weights
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "preprocessor_config.json",
        "model.safetensors",
        ORIGIN_FILE,
    }


def test_another_file_than_the_published_one_is_refused(hub: dict[str, str], tmp_path: Path) -> None:
    words = ("-m", "soundkin", "encoder", "fetch", "mert-v1-95m", "--home", str(tmp_path / "home"))
    done = _run(hub, *words)
    assert done.returncode == 1
    assert "licence CC-BY-NC-4.0" in done.stderr
    assert "a2b8b747" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "home").rglob("model.safetensors"))


def test_without_a_network_the_error_says_what_else_to_do(tmp_path: Path) -> None:
    words = ("-m", "soundkin", "encoder", "fetch", "mert-v1-330m", "--home", str(tmp_path / "home"))
    done = _run(_offline(tmp_path / "nothing"), *words)
    assert done.returncode == 1
    assert "MERT-v1-330M could not be fetched" in done.stderr
    assert "soundkin encoder convert FOLDER" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_licence_that_does_not_allow_the_use_stops_the_fetch(hub: dict[str, str], tmp_path: Path) -> None:
    words = ("-m", "soundkin", "encoder", "fetch", "mert-v1-95m", "--home", str(tmp_path / "home"))
    done = _run(hub, *words, "--profile", "commercial")
    assert done.returncode == 1
    assert "does not allow" in done.stderr
    assert not (tmp_path / "home").exists()


def test_weights_are_the_published_ones_only_while_they_are_what_was_converted(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path, tiny.POST_NORM, published_form=True)
    pins = {"pytorch_model.bin": hashlib.sha256(source.read_bytes()).hexdigest()}
    spec = replace(tiny.spec_of(tiny.POST_NORM), published=pins)
    assert not is_published(spec, tmp_path)
    convert_folder(tmp_path)
    assert is_published(spec, tmp_path)
    assert not is_published(tiny.spec_of(tiny.POST_NORM), tmp_path)
    write_checkpoint(tmp_path, tiny.POST_NORM, seed=9)
    assert not is_published(spec, tmp_path)
