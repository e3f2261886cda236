"""The program `soundkin encoder serve`, and audio files to send it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import grpc
import soundfile

from indexer.demo.synth import SAMPLE_RATE_HZ, render

ROOT = Path(__file__).resolve().parents[1]
START_S = 60
QUICK = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@cache
def music(style: str, seed: int, *, seconds: float = 6.0) -> bytes:
    """A clip of invented music as a wav file."""
    file = io.BytesIO()
    soundfile.write(file, render(style, seed=seed, seconds=seconds), SAMPLE_RATE_HZ, format="WAV")
    return file.getvalue()


@contextmanager
def encoder_process(
    folder: Path, *, port: int = 0, temporary: Path | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The encoder that needs no weights, with one decoder process: the program and its port. Killed at the end.

    Clips are stored under ``temporary`` while they are decoded; without it, in the system's folder of temporary files.
    """
    port_file = folder / "encoder.port"
    port_file.unlink(missing_ok=True)
    options = ("--listen", f"127.0.0.1:{port}", "--port-file", str(port_file), "--workers", "1", "--home", str(folder))
    command = [sys.executable, "soundkin.py", "encoder", "serve", *options]
    environment = {} if temporary is None else {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | QUICK | environment) as process:
        try:
            deadline = time.monotonic() + START_S
            while not port_file.exists():
                assert process.poll() is None, "the encoder ended while it was starting"
                assert time.monotonic() < deadline, "no port file"
                time.sleep(0.02)
            yield process, int(port_file.read_text())
        finally:
            process.kill()


def wait_until_decoding(temporary: Path, *, clips: int) -> None:
    """Wait until the encoder decodes a request: it writes the clips to a folder in ``temporary`` first."""
    deadline = time.monotonic() + 30
    while not any(temporary.glob(f"soundkin-clips-*/*/{clips - 1}")):
        assert time.monotonic() < deadline, "the encoder did not start to decode"
        time.sleep(0.01)


@contextmanager
def channel_to(port: int) -> Iterator[grpc.Channel]:
    """A channel to ``port`` of this machine, without limits on the size of messages."""
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield channel
