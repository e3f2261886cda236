"""The descriptors where no home can be written, as in a container: one variable says where numba may cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOMEBODY = 12345
"""A user id without an account; only root can become it. Others try as themselves."""
ENCODE = """
import numpy as np
from indexer.encoders.descriptors import DescriptorEncoder
encoder = DescriptorEncoder()
noise = np.random.default_rng(0).normal(size=6 * encoder.space.sample_rate_hz).astype(np.float32)
print(encoder.encode([0.1 * noise]).shape)
"""


def _python(code: str, **settings: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | settings
    user = SOMEBODY if os.geteuid() == 0 else None
    return subprocess.run(
        [sys.executable, "-c", code], cwd="/", env=environment, user=user, capture_output=True, text=True, check=False
    )


def _readable_by_somebody() -> bool:
    try:
        return _python("import numpy, indexer", HOME="/").returncode == 0
    except PermissionError:
        return False


def test_a_home_that_cannot_be_written_is_no_hindrance_with_a_cache_folder_named() -> None:
    if not _readable_by_somebody():
        pytest.skip("this Python or this checkout cannot be read by another user")
    with tempfile.TemporaryDirectory() as cache:
        if os.geteuid() == 0:
            os.chown(cache, SOMEBODY, SOMEBODY)
        done = _python(ENCODE, HOME="/", NUMBA_CACHE_DIR=cache)
    assert (done.returncode, done.stdout.strip()) == (0, "(1, 5, 48)"), done.stderr
