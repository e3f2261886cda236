"""The names of encoders, and what it costs to ask for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from indexer.encoders.registry import encoder_names, load_encoder
from recommender.errors import NotFound


def test_the_embedded_default_comes_first() -> None:
    assert encoder_names()[0] == "descriptors"


def test_every_encoder_that_needs_no_extra_loads_under_its_name() -> None:
    assert load_encoder("descriptors").space.name == "descriptors"


def test_an_unknown_name_is_not_found_and_the_error_lists_the_known_ones() -> None:
    with pytest.raises(NotFound, match=r"no encoder 'mertt'; choose one of .*descriptors") as caught:
        load_encoder("mertt")
    assert caught.value.kind == "encoder"


def test_asking_for_names_brings_no_heavy_library() -> None:
    code = (
        "import sys; from indexer.encoders.registry import encoder_names; encoder_names(); "
        "print(sorted({'librosa', 'numba', 'scipy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


ROOT = Path(__file__).resolve().parents[3]
SOMEBODY = 12345
"""A user id without an account; only root can become it. Others try as themselves."""
ENCODE = """
import json, os, stat
import numpy as np
from indexer.encoders.registry import load_encoder
encoder = load_encoder("descriptors")
noise = np.random.default_rng(0).normal(size=6 * encoder.space.sample_rate_hz).astype(np.float32)
shape = encoder.encode([0.1 * noise]).shape
folder = os.environ.get("NUMBA_CACHE_DIR")
held = len(list(os.scandir(folder))) if folder else 0
print(json.dumps([shape, folder, oct(stat.S_IMODE(os.stat(folder).st_mode)) if folder else "", held]))
"""


def _python(code: str, settings: Mapping[str, str], *, user: int | None = None) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **settings}
    return subprocess.run(
        [sys.executable, "-c", code], cwd="/", env=environment, user=user, capture_output=True, text=True, check=False
    )


def _encode(**settings: str) -> tuple[list[int], str | None, str, int]:
    """Shape of an embedding, the cache folder as numba was told of it, its mode, and how much it held."""
    done = _python(ENCODE, settings)
    assert done.returncode == 0, done.stderr
    shape, folder, mode, held = json.loads(done.stdout)
    return shape, folder, mode, held


@pytest.fixture
def somebody() -> int | None:
    """A user who owns nothing here: root becomes one without an account, others are what they are."""
    user = SOMEBODY if os.geteuid() == 0 else None
    try:
        readable = _python("import numpy, indexer", {"HOME": "/"}, user=user).returncode == 0
    except PermissionError:
        readable = False
    if not readable:
        pytest.skip("this Python or this checkout cannot be read by another user")
    return user


def test_without_a_home_that_can_be_written_a_private_folder_takes_its_place_and_goes_at_the_end(
    tmp_path: Path,
) -> None:
    shape, folder, mode, held = _encode(HOME="/dev/null", TMPDIR=str(tmp_path))
    assert shape == [1, 5, 48]
    assert folder is not None
    assert Path(folder).parent == tmp_path
    assert (mode, held > 0) == ("0o700", True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_named_and_cannot_be_written_is_replaced(tmp_path: Path) -> None:
    shape, folder, _, held = _encode(HOME="/dev/null", NUMBA_CACHE_DIR="/dev/null/numba", TMPDIR=str(tmp_path))
    assert (shape, held > 0) == ([1, 5, 48], True)
    assert folder is not None
    assert Path(folder).parent == tmp_path


def test_a_folder_that_was_named_is_used(tmp_path: Path) -> None:
    shape, folder, _, held = _encode(HOME="/dev/null", NUMBA_CACHE_DIR=str(tmp_path))
    assert (shape, folder, held > 0) == ([1, 5, 48], str(tmp_path), True)


def test_a_home_that_can_be_written_is_left_to_numba(tmp_path: Path) -> None:
    assert _encode(HOME=str(tmp_path))[:2] == ([1, 5, 48], None)


@pytest.mark.parametrize("settings", [{"HOME": ""}, {"HOME": "/"}, {}], ids=["empty", "root's", "none"])
def test_a_user_without_a_home_can_encode(somebody: int | None, settings: dict[str, str]) -> None:
    done = _python(ENCODE, settings, user=somebody)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0] == [1, 5, 48]
