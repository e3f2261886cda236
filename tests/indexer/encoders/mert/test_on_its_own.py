"""MERT on this machine alone: thirty seconds in one pass, no network, no file written outside its own folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the mert extra is not installed")

import torch

from indexer.encoders.mert.device import Precision
from indexer.encoders.mert.encoder import MertEncoder, MertOptions, space_of
from indexer.encoders.mert.models import MERT_V1_95M
from indexer.store.store import EmbeddingStore
from tests.indexer.encoders.mert import tiny

ROOT = Path(__file__).resolve().parents[4]
ALONE = """
import json, os, sys
written, dialled = [], []
def watch(event, given):
    if event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        written.append(str(given[0]))
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        dialled.append(event)
from pathlib import Path
from indexer.encoders.mert.encoder import MertEncoder, MertOptions
from tests.indexer.encoders.mert import tiny
sys.addaudithook(watch)
encoder = MertEncoder(tiny.spec_of(tiny.POST_NORM), Path(sys.argv[1]), MertOptions(device="cpu"))
shape = encoder.encode([tiny.sound(48_000)]).shape
print(json.dumps({"shape": shape, "written": written, "dialled": dialled}))
"""


def test_thirty_seconds_are_heard_in_one_pass(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the mert extra is not installed")
    folder, clip = tiny.checkpoint(tmp_path, tiny.POST_NORM), tiny.sound(30 * 24_000)
    states = tiny.reference_states(tiny.reference_model(tiny.POST_NORM), clip)
    assert {state.shape[1] for state in states} == {2249}
    result = MertEncoder(tiny.spec_of(tiny.POST_NORM), folder, MertOptions(device="cpu")).encode([clip])[0]
    wanted = torch.cat(states).double().mean(1)
    assert tiny.difference(torch.from_numpy(result), wanted) < 1e-5


def test_all_thirteen_layers_of_a_clip_are_kept_to_the_bit(tmp_path: Path) -> None:
    space = space_of(MERT_V1_95M, "ab" * 32, precision=Precision.FP32)
    vectors = np.random.default_rng(3).standard_normal((2, 13, 768)).astype(np.float32)
    clips = ["0" * 31 + "1", "0" * 31 + "2"]
    EmbeddingStore(tmp_path, space).append(clips, vectors, space=space)
    opened = EmbeddingStore(tmp_path, space)
    kept = np.stack([opened.layer(layer, clips) for layer in range(13)], axis=1)
    np.testing.assert_array_equal(kept, vectors)


def test_neither_network_nor_cache_folder_is_needed(tmp_path: Path) -> None:
    folder = tiny.checkpoint(tmp_path / "weights", tiny.POST_NORM)
    environment = {"HOME": "/dev/null", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    assert (output["shape"], output["dialled"]) == ([1, 4, 48], [])
    assert [path for path in output["written"] if not path.startswith(str(folder))] == []
    assert output["written"], "the known answer is recorded beside the weights; the watch saw nothing"
