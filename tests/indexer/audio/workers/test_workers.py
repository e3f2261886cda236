"""The pool: jobs answered in order, a few ahead, and whatever a file does to a decoder stays there."""

from __future__ import annotations

import dataclasses
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from indexer.audio.decode import Excerpt, Reason, decode
from indexer.audio.workers import handle as worker_handle
from indexer.audio.workers.handle import SHARED_BYTES, WorkerHandle
from indexer.audio.workers.jobs import inspect, open_as_scanned
from indexer.audio.workers.pool import MAX_AHEAD, DecodeJob, DecoderPool, InspectJob
from indexer.audio.workers.wire import job_from_bytes, job_to_bytes, reply_bounds, reply_from_bytes, value_to_bytes
from indexer.audio.workers.worker import WorkerLimits
from indexer.processes.message_frames import MessageBounds
from recommender.errors import BadInput, DecoderStartFailed, InvalidArgument
from tests.indexer.audio.test_hostile_audio import wav_header
from tests.indexer.audio.written_audio import melody, write

TEN_SECONDS = Excerpt(start_ms=0, length_ms=10_000)
MISBEHAVE = "tests.indexer.audio.workers.decoder_handlers:misbehave"
ROOT = Path(__file__).resolve().parents[4]

needs_sealed_memory = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has memory without a name")


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write(tmp_path / "clip.wav", melody(10, rate_hz=22_050), rate_hz=22_050)


def job(path: Path) -> DecodeJob:
    return DecodeJob(path=path, excerpt=TEN_SECONDS, sample_rate_hz=22_050)


def copies(clip: Path, *names: str) -> list[Path]:
    paths = [clip.with_name(f"{name}.wav") for name in names]
    for path in paths:
        path.write_bytes(clip.read_bytes())
    return paths


def test_a_waveform_comes_back_as_it_was_decoded(clip: Path) -> None:
    here = decode(clip, excerpt=TEN_SECONDS, sample_rate_hz=22_050)
    with DecoderPool(workers=1) as pool:
        (outcome,) = pool.run([job(clip)])
    assert outcome.error is None
    assert outcome.value is not None
    np.testing.assert_array_equal(outcome.value, here)
    assert outcome.value.flags.writeable


def test_samples_that_do_not_fit_the_shared_memory_come_through_the_pipe(clip: Path) -> None:
    large = DecodeJob(path=clip, excerpt=TEN_SECONDS, sample_rate_hz=384_000)
    here = decode(clip, excerpt=TEN_SECONDS, sample_rate_hz=384_000)
    assert here.nbytes > SHARED_BYTES
    with DecoderPool(workers=1) as pool:
        first, second = pool.run([large, job(clip)])
    assert first.value is not None
    np.testing.assert_array_equal(first.value, here)
    assert second.error is None


@needs_sealed_memory
def test_a_waveform_is_ours_alone_once_it_is_handed_out(clip: Path) -> None:
    here = decode(clip, excerpt=TEN_SECONDS, sample_rate_hz=22_050)
    (evil,) = copies(clip, "overwrite")
    with DecoderPool(workers=1, handler=MISBEHAVE) as pool:
        first, second = pool.run([job(clip), job(evil)])
        assert second.error is not None
        assert first.value is not None
        np.testing.assert_array_equal(first.value, here)


@needs_sealed_memory
def test_a_decoder_cannot_take_the_shared_memory_away(clip: Path) -> None:
    (evil,) = copies(clip, "shorten")
    with DecoderPool(workers=1, handler=MISBEHAVE) as pool:
        refused, after = pool.run([job(evil), job(clip)])
    assert refused.error is not None
    assert refused.error.detail == "not permitted"
    assert after.error is None


@needs_sealed_memory
def test_a_closed_pool_keeps_no_descriptor(clip: Path) -> None:
    (path,) = copies(clip, "crash")
    with DecoderPool(workers=1):  # the first process of all starts Python's resource tracker, which stays
        pass
    before = len(os.listdir("/proc/self/fd"))
    with DecoderPool(workers=2, handler=MISBEHAVE) as pool:
        list(pool.run([job(clip), job(path), job(clip)]))
        assert len(os.listdir("/proc/self/fd")) > before
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_pool_on_demand_starts_no_process_before_its_first_job(clip: Path) -> None:
    with DecoderPool(workers=2, on_demand=True) as pool:
        assert multiprocessing.active_children() == []
        assert [outcome.value for outcome in pool.run([InspectJob(path=clip)])] == [inspect(clip)]
        assert len(multiprocessing.active_children()) == 1


def test_an_inspection_comes_back_as_it_was_made(clip: Path) -> None:
    here = inspect(clip)
    with DecoderPool(workers=1) as pool:
        (outcome,) = pool.run([InspectJob(path=clip)])
    assert outcome.value == here
    assert here.size == 44 + 10 * 22_050 * 2
    sha256sum = subprocess.run(["sha256sum", clip], capture_output=True, text=True, check=True).stdout
    assert here.content_sha256 == sha256sum.split()[0]
    assert here.mtime_ns == clip.stat().st_mtime_ns


def test_a_file_that_changes_while_it_is_read_is_told_whatever_became_of_it(clip: Path) -> None:
    content_sha256 = inspect(clip).content_sha256
    before = clip.stat()
    time.sleep(0.05)  # a file system keeps times in ticks of some milliseconds

    def change_while_reading() -> None:
        with open_as_scanned(clip, content_sha256):
            clip.write_bytes(bytes(before.st_size))
            os.utime(clip, ns=(before.st_atime_ns, before.st_mtime_ns))
            raise BadInput(Reason.SILENT, "that is what became of it")

    with pytest.raises(BadInput, match="changed_since_scan"):
        change_while_reading()


def test_a_decode_job_with_a_hash_takes_only_that_content(clip: Path) -> None:
    right = dataclasses.replace(job(clip), content_sha256=inspect(clip).content_sha256)
    wrong = dataclasses.replace(job(clip), content_sha256="0" * 64)
    with DecoderPool(workers=1) as pool:
        good, bad = pool.run([right, wrong])
    assert good.error is None
    assert bad.error is not None
    assert bad.error.reason == Reason.CHANGED_SINCE_SCAN


def test_answers_come_in_the_order_of_the_jobs(clip: Path) -> None:
    paths = copies(clip, *(f"{number:02d}" for number in range(30)))
    paths.insert(3, clip.with_name("missing.wav"))
    with DecoderPool(workers=2) as pool:
        outcomes = list(pool.run(job(path) for path in paths))
    assert [outcome.job.path for outcome in outcomes] == paths
    assert [outcome.error.reason for outcome in outcomes if outcome.error is not None] == ["not_a_file"]


def test_jobs_are_taken_only_a_few_ahead(clip: Path) -> None:
    taken = 0

    def endless() -> Iterator[DecodeJob]:
        nonlocal taken
        while True:
            taken += 1
            yield job(clip)

    with DecoderPool(workers=2) as pool:
        running = pool.run(endless())
        assert taken == 0
        for answered in range(1, 6):
            assert next(running).value is not None
            assert taken == answered + 2 * MAX_AHEAD - 1


def test_decoding_goes_on_while_the_consumer_works(clip: Path) -> None:
    paths = copies(clip, *(f"tell{number}" for number in range(8)))
    with DecoderPool(workers=2, handler=MISBEHAVE) as pool:
        running = pool.run(job(path) for path in paths)
        next(running)
        latest = time.monotonic() + 60
        while not all(path.with_suffix(".done").exists() for path in paths):
            assert time.monotonic() < latest, "nothing is decoded but what is asked for"
            time.sleep(0.01)
        for path in paths:
            path.unlink()
        assert all(outcome.value is not None for outcome in running)


def test_a_run_that_was_left_early_does_not_disturb_the_next(clip: Path) -> None:
    with DecoderPool(workers=2) as pool:
        for _ in pool.run(job(clip) for _ in range(100)):
            break
        outcomes = list(pool.run([InspectJob(path=clip)] * 3))
    assert [outcome.error for outcome in outcomes] == [None] * 3


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("crash", Reason.DECODER_CRASHED),
        ("leave", Reason.DECODER_CRASHED),
        ("babble", Reason.DECODER_CRASHED),
        ("flood", Reason.DECODER_CRASHED),
        ("liar", Reason.DECODER_CRASHED),
        ("nan", Reason.DECODER_CRASHED),
        ("glut", Reason.DECODER_CRASHED),
        pytest.param("halfway", Reason.DECODER_CRASHED, marks=needs_sealed_memory),
        pytest.param("overwrite", Reason.SILENT, marks=needs_sealed_memory),
        ("hang", Reason.DECODER_TIMEOUT),
        ("endless", Reason.DECODER_TIMEOUT),
    ],
)
def test_a_bad_file_costs_only_itself(clip: Path, behaviour: str, reason: Reason) -> None:
    paths = copies(clip, "a", "b", behaviour, "c", "d", f"{behaviour}2", "e")
    patience_s = 5.0 if behaviour in ("hang", "endless") else 60.0  # good files come in time on a busy machine, too
    with DecoderPool(workers=2, timeout_s=patience_s, handler=MISBEHAVE) as pool:
        outcomes = list(pool.run(job(path) for path in paths))
    reasons = [outcome.error.reason if outcome.error is not None else None for outcome in outcomes]
    assert reasons == [None, None, reason, None, None, reason, None]


def test_the_detail_of_a_crash_names_the_signal_and_nothing_is_logged_that_cron_would_mail(
    clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (path,) = copies(clip, "crash")
    with caplog.at_level(logging.INFO), DecoderPool(workers=1, handler=MISBEHAVE) as pool:
        (outcome,) = pool.run([job(path)])
    assert outcome.error is not None
    assert "SIGSEGV" in outcome.error.detail
    assert {record.levelname for record in caplog.records} == {"INFO"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_a_file_that_needs_too_much_memory_costs_only_itself(clip: Path) -> None:
    """Thirty seconds of eight channels at 384 kHz are 369 MB of float32; the file is a hole of half that size."""
    large = clip.with_name("large.wav")
    size = 2 * 8 * 384_000 * 30
    large.write_bytes(wav_header(rate_hz=384_000, channels=8, data_bytes=size))
    os.truncate(large, 44 + size)
    with DecoderPool(workers=1, memory_bytes=512 << 20) as pool:
        greedy = DecodeJob(path=large, excerpt=Excerpt(start_ms=0, length_ms=30_000), sample_rate_hz=22_050)
        before, bad, after = pool.run([job(clip), greedy, job(clip)])
    assert (before.error, after.error) == (None, None)
    assert bad.error is not None
    assert bad.error.reason == Reason.DECODER_MEMORY


def test_a_process_is_replaced_after_its_share_of_files(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_handle, "RECYCLE_AFTER", 2)
    running = []
    with DecoderPool(workers=1) as pool:
        for _ in range(4):
            assert [outcome.error for outcome in pool.run([job(clip)])] == [None]
            running.append(len(multiprocessing.active_children()))
    assert running == [1, 0, 1, 0]


def test_a_process_killed_between_two_files_is_replaced(clip: Path) -> None:
    with DecoderPool(workers=1) as pool:
        assert [outcome.error for outcome in pool.run([job(clip)])] == [None]
        (child,) = multiprocessing.active_children()
        os.kill(child.pid or 0, signal.SIGKILL)
        first, second = pool.run([job(clip), job(clip)])
    assert first.error is not None
    assert first.error.reason == Reason.DECODER_CRASHED
    assert second.error is None


@pytest.mark.parametrize(
    "handler", ["tests.indexer.nowhere:answer", "indexer.audio.workers.job_handler:no_such_function"]
)
def test_a_pool_that_cannot_start_says_so(handler: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DecoderStartFailed, match="stderr"), DecoderPool(workers=2, handler=handler):
        pass
    assert "Error" in capfd.readouterr().err


def test_a_decoder_process_loads_no_library_before_its_limits_are_in_place() -> None:
    """Thread variables are read, and memory is taken, when a library is loaded."""
    code = "import sys, indexer.audio.workers.worker; print({'numpy', 'av', 'soundfile', 'soxr'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_closing_stops_a_decoder_in_the_middle_of_a_file(clip: Path) -> None:
    (path,) = copies(clip, "hang")
    started = time.monotonic()
    with DecoderPool(workers=1, timeout_s=60, handler=MISBEHAVE) as pool:
        running = pool.run(iter([job(clip), *[job(path)] * (MAX_AHEAD + 2)]))
        assert next(running).error is None
    assert time.monotonic() - started < 20


def test_a_handle_that_was_retired_starts_nothing() -> None:
    handle = WorkerHandle(WorkerLimits(handler="indexer.audio.workers.job_handler:answer", memory_bytes=4 << 30), 1.0)
    handle.retire()
    with pytest.raises(DecoderStartFailed, match="closed"):
        handle.ask(b"{}", MessageBounds(head_bytes=10))


_PROGRAM = """
import sys, time
from pathlib import Path
from indexer.audio.decode import Excerpt
from indexer.audio.workers.pool import DecodeJob, DecoderPool
if __name__ == "__main__":
    excerpt = Excerpt(start_ms=0, length_ms=10_000)
    jobs = (DecodeJob(path=Path(sys.argv[1]), excerpt=excerpt, sample_rate_hz=22_050) for _ in range(10**9))
    with DecoderPool(workers=2, handler="tests.indexer.audio.workers.decoder_handlers:misbehave") as pool:
        print("started", flush=True)
        for outcome in pool.run(jobs):
            pass
"""


@pytest.mark.parametrize("name", ["clip", "hang"])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_no_decoder_outlives_its_parent(clip: Path, name: str, end: signal.Signals) -> None:
    (path,) = copies(clip, f"{name}_")
    script = clip.with_name("program.py")
    script.write_text(_PROGRAM)
    command = [sys.executable, str(script), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, start_new_session=True
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"started\n"
        time.sleep(0.3)
        children = psutil.Process(program.pid).children(recursive=True)
        assert len(children) >= 2
        try:
            os.killpg(program.pid, end) if end is signal.SIGINT else program.send_signal(end)
            assert program.wait(60) != 0
        finally:
            program.kill()
    _, alive = psutil.wait_procs(children, timeout=60)
    for child in alive:
        child.kill()
    assert alive == []


def test_a_pool_needs_a_worker() -> None:
    with pytest.raises(InvalidArgument, match="workers"):
        DecoderPool(workers=0)


def test_jobs_survive_the_wire_even_with_names_that_are_not_text() -> None:
    odd = Path(os.fsdecode(b"/music/\xff\xfe \n.mp3"))
    for one in (InspectJob(path=odd), job(odd), dataclasses.replace(job(odd), content_sha256="0" * 64)):
        assert job_from_bytes(job_to_bytes(one)) == one


def test_an_inspection_of_wild_tags_fits_the_wire(clip: Path) -> None:
    wild = json.loads(value_to_bytes(inspect(clip)))
    tags = {"artist": "\u202e" * 300, "title": "\U0001f3b5" * 300, "genres": ["\U0001f3b5" * 300] * 20}
    wild["inspection"]["tags"].update(tags)
    reply = json.dumps(wild).encode()
    assert len(reply) <= reply_bounds(InspectJob(path=clip)).head_bytes
    inspection = reply_from_bytes(InspectJob(path=clip), reply)
    assert inspection != inspect(clip)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"null\n",
        b"[]\n",
        b"3\n",
        b'"reason"\n',
        b"{}\n",
        b'{"inspection": null}\n',
        b'{"inspection": {"size": -1}}\n',
        b'{"reason": "my own word", "detail": ""}\n',
        b'{"reason": "silent"}\n',
        b'{"reason": ["silent"], "detail": ""}\n',
        b"[" * 60_000,
        b'{"inspection": {"size": 1e400, "mtime_ns": 1, "content_sha256": "", "info": {}, "tags": {}}}\n',
    ],
)
def test_a_reply_that_makes_no_sense_is_a_value_error(reply: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # any of them: the pool handles them alike
        reply_from_bytes(InspectJob(path=Path("a")), reply)


def test_a_reason_in_a_reply_is_raised() -> None:
    with pytest.raises(BadInput, match="silent: so quiet"):
        reply_from_bytes(InspectJob(path=Path("a")), b'{"reason": "silent", "detail": "so\\u0000quiet"}\n')
