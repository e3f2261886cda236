"""One encoder in two processes: the same numbers as in one, and what happens when a process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.encoders.base import Batching, Closing, InRows, in_use
from indexer.encoders.encode_batch import encode_each
from indexer.encoders.processes import handle
from indexer.encoders.processes.multi_device import MultiDeviceEncoder, shares
from recommender.errors import BadInput, EncoderEnded, EncoderLost, WeightsRefused
from recommender.types import Waveform
from tests.indexer.encoders.processes.recipes import BAD, BROKEN, FULL, KILL, SLOW, STICKY, UNFORESEEN, Obedient, recipe

ROOT = Path(__file__).resolve().parents[4]


def clips(*first: float, length: int = 50) -> list[Waveform]:
    """A clip for each first sample, each a little longer than the one before."""
    return [np.full(length + number, value, dtype=np.float32) for number, value in enumerate(first)]


def received(embeddings: np.ndarray) -> list[tuple[float, int]]:
    """(first sample, length) of what the obedient encoder was given, in order."""
    return [(float(value), int(length)) for value, length, _ in embeddings[:, 0]]


def expected(given: Sequence[Waveform]) -> list[tuple[float, int]]:
    return [(float(clip[0]), len(clip)) for clip in given]


def gone(pids: Sequence[int]) -> bool:
    """Whether none of the processes is left, within a minute."""
    late = time.monotonic() + 60
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < late:
        time.sleep(0.05)
    return not any(psutil.pid_exists(pid) for pid in pids)


def encoders() -> set[int]:
    """Numbers of this process's children that are encoder processes, or were and have not been collected."""
    children = psutil.Process().children()
    return {child.pid for child in children if "spawn_main" in " ".join(child.cmdline())}


@pytest.fixture(scope="module")
def two() -> Iterator[MultiDeviceEncoder]:
    with in_use(MultiDeviceEncoder([recipe("obedient"), recipe("obedient")])) as encoder:
        yield encoder


def test_a_batch_is_shared_out_and_gathered_in_order(two: MultiDeviceEncoder) -> None:
    given = clips(*range(1, 12))
    result = two.encode(given)
    assert received(result) == expected(given)
    assert [len(set(result[some, 0, 2])) for some in (slice(0, 6), slice(6, 11), slice(0, 11))] == [1, 1, 2]


def test_it_says_what_its_encoders_are(two: MultiDeviceEncoder) -> None:
    assert two.space == Obedient.space
    assert two.licence == Obedient.licence
    assert isinstance(two, InRows)
    assert isinstance(two, Batching)
    assert isinstance(two, Closing)
    assert (two.rows, two.batch) == (2, 8)


def test_no_clips_give_no_embeddings_and_one_clip_gives_one(two: MultiDeviceEncoder) -> None:
    assert two.encode([]).shape == (0, 1, 3)
    assert received(two.encode(clips(5))) == [(5.0, 50)]


def test_clips_may_be_longer_than_any_before(two: MultiDeviceEncoder) -> None:
    for length in (10, 300_000, 20, 2_000_000):
        given = clips(1, 2, 3, 4, 5, length=length)
        assert received(two.encode(given)) == expected(given)


@pytest.mark.parametrize("where", [0, 5])
def test_a_refusal_arrives_with_its_reason_and_the_process_goes_on(two: MultiDeviceEncoder, where: int) -> None:
    before, given = two.pids, [1.0] * 6
    given[where] = BAD
    with pytest.raises(BadInput) as refused:
        two.encode(clips(*given))
    assert (refused.value.reason, refused.value.detail) == ("silent", "nothing to hear")
    assert received(two.encode(clips(7, 8))) == [(7.0, 50), (8.0, 51)]
    assert two.pids == before


def test_of_two_errors_the_first_clips_is_raised(two: MultiDeviceEncoder) -> None:
    with pytest.raises(RuntimeError, match="ValueError: shapes do not match"):
        two.encode(clips(BROKEN, 1, BAD, 1))
    with pytest.raises(BadInput):
        two.encode(clips(BAD, 1, BROKEN, 1))
    assert received(two.encode(clips(3))) == [(3.0, 50)]


def test_memory_that_ended_is_still_memory_that_ended(two: MultiDeviceEncoder) -> None:
    with pytest.raises(MemoryError, match="Tried to allocate 2 GiB"):
        two.encode(clips(1, 1, FULL, 1))


@pytest.mark.parametrize("death", [KILL, STICKY], ids=["killed", "device lost"])
def test_a_process_that_is_lost_is_replaced_and_its_clips_are_not(tmp_path: Path, death: float) -> None:
    (tmp_path / "lives").write_text("one")
    encoder = MultiDeviceEncoder([recipe("obedient"), recipe("obedient", lives=str(tmp_path / "lives"))])
    with in_use(encoder):
        before = encoder.pids
        given = clips(1, 2, 3, 4, death, 6)
        assert received(encoder.encode(given)) == expected(given)
        assert encoder.pids[0] == before[0]
        assert encoder.pids[1] != before[1]
        after = encoder.pids
    assert gone([*before, *after])


@pytest.mark.parametrize(("death", "word"), [(KILL, "exit status -9"), (STICKY, "illegal memory access")])
def test_clips_that_cost_two_processes_are_an_error_and_the_next_clips_are_encoded(death: float, word: str) -> None:
    with in_use(MultiDeviceEncoder([recipe("obedient")])) as encoder:
        with pytest.raises(EncoderEnded, match=f"(?s)cpu was lost 2 times over the same 2 clips.*{word}"):
            encoder.encode(clips(1, death))
        assert received(encoder.encode(clips(4))) == [(4.0, 50)]


def test_an_error_that_nobody_foresaw_ends_the_process_and_is_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with in_use(MultiDeviceEncoder([recipe("obedient")])) as encoder:
        with pytest.raises(EncoderEnded, match=r"2 times over the same 1 clips.*exit status 1.*on stderr"):
            encoder.encode(clips(UNFORESEEN))
        assert received(encoder.encode(clips(4))) == [(4.0, 50)]
    assert "this was not foreseen" in capfd.readouterr().err


def test_a_process_killed_between_two_batches_is_replaced(two: MultiDeviceEncoder) -> None:
    os.kill(two.pids[1], signal.SIGKILL)
    given = clips(*range(1, 9))
    assert received(two.encode(given)) == expected(given)


def test_what_refuses_the_weights_arrives_as_it_is_and_leaves_nothing_running() -> None:
    before = encoders()
    with pytest.raises(WeightsRefused, match="w: is no safetensors file") as caught:
        MultiDeviceEncoder([recipe("refused", weights="w"), recipe("obedient")])
    assert (caught.value.file, caught.value.problem) == ("w", "is no safetensors file")
    assert encoders() == before


def test_a_process_that_dies_while_it_starts_is_an_error_that_names_the_device() -> None:
    before = encoders()
    with pytest.raises(EncoderLost, match=r"cuda:1 did not come up: it has ended \(exit status 7\)"):
        MultiDeviceEncoder([recipe("obedient"), recipe("dead", device="cuda:1")])
    assert encoders() == before


def test_a_process_that_cannot_be_replaced_is_no_fault_of_the_clips(tmp_path: Path) -> None:
    """It comes up once, is killed over the first clip, and never comes up again: no clip is given a reason."""
    with in_use(MultiDeviceEncoder([recipe("once", mark=str(tmp_path / "mark"))])) as encoder:
        with pytest.raises(EncoderLost, match=r"did not come up.*exit status 7"):
            encode_each(encoder, clips(KILL, 1, 2, 3))
        assert encoder.pids == ()


def test_after_closing_nothing_runs_and_nothing_is_started() -> None:
    encoder = MultiDeviceEncoder([recipe("obedient"), recipe("obedient")])
    pids = encoder.pids
    encoder.close()
    encoder.close()
    assert gone(pids)
    assert encoder.pids == ()


def test_closing_ends_a_process_that_is_at_work_and_starts_no_other() -> None:
    encoder = MultiDeviceEncoder([recipe("obedient"), recipe("obedient")])
    pids = encoder.pids
    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(encoder.encode, clips(1, SLOW))
        time.sleep(0.3)
        encoder.close()
        with pytest.raises(EncoderEnded, match="cpu has been closed"):
            working.result(timeout=20)
    assert gone(pids)
    assert encoder.pids == ()


def test_a_process_that_does_not_answer_is_late_and_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "_MIN_ANSWER_S", 0.3)
    monkeypatch.setattr(handle, "_ANSWER_S_PER_SAMPLE", 0.0)
    with in_use(MultiDeviceEncoder([recipe("obedient")])) as encoder:
        pids = encoder.pids
        with pytest.raises(EncoderEnded, match=r"no answer within 0\.3 s \(exit status -9\)"):
            encoder.encode(clips(SLOW))
        assert gone(pids)


@pytest.mark.parametrize("rows", [1, 32])
def test_a_device_that_hangs_is_given_up_within_the_half_hour_however_many_clips_it_takes_at_once(rows: int) -> None:
    parts = [clips(*[1.0] * (rows * handle.PASSES_A_REQUEST), length=720_000) for _ in range(2)]
    assert 25 * 60 < handle.answer_limit_s(parts) < 30 * 60


def test_processes_end_with_a_parent_that_is_killed_even_in_the_middle_of_a_clip() -> None:
    code = (
        "import numpy as np\n"
        "from indexer.encoders.processes.multi_device import MultiDeviceEncoder\n"
        "from tests.indexer.encoders.processes.recipes import SLOW, recipe\n"
        "if __name__ == '__main__':\n"
        "    encoder = MultiDeviceEncoder([recipe('obedient'), recipe('obedient')])\n"
        "    print(*encoder.pids, flush=True)\n"
        "    encoder.encode([np.full(50, SLOW, dtype=np.float32)])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        time.sleep(0.5)
        parent.kill()
    assert gone(pids)


@given(st.integers(0, 300), st.lists(st.integers(1, 40), min_size=1, max_size=9))
def test_shares_cover_all_clips_in_as_few_passes_as_can_be(count: int, rows: list[int]) -> None:
    result = shares(count, rows)
    assert sum(result) == count
    assert min(result) >= 0
    busiest = max(-(-some // each) for some, each in zip(result, rows, strict=True))
    assert busiest == -(-count // sum(rows))
