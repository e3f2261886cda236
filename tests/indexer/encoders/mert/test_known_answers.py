"""The known answer: recorded once for each weights file, then held against every start."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.mert import known_answers
from recommender.errors import KnownAnswerWrong, WeightsRefused
from recommender.types import ClipEmbeddings, Waveform

A, B = "aa" * 32, "bb" * 32


def embedding(_signal: Waveform) -> ClipEmbeddings:
    return np.arange(1, 81, dtype=np.float32).reshape(2, 40)


def ask(file: Path, sha256: str, *, scale: float = 1.0) -> bool:
    return known_answers.check("m", sha256, lambda signal: scale * embedding(signal), file=file, rate_hz=24_000)


def test_the_signal_is_the_same_two_seconds_for_ever() -> None:
    signal = known_answers.trial_signal(24_000)
    assert signal.shape == (48_000,)
    assert 0.1 < signal.std() < 0.5
    rounded = np.round(signal * 1000).astype("<i2").tobytes()
    assert hashlib.sha256(rounded).hexdigest() == "4a9623fd6f2f9a960c88ed4c7b55b9bdfc1746463d58c8ab4bc7ba91ac5ee11f"


def test_sixteen_numbers_a_layer_are_kept_from_both_ends_and_between() -> None:
    answer = known_answers.answer_of(embedding(np.zeros(1, dtype=np.float32)))
    assert answer.shape == (2, 16)
    assert (answer[0, 0], answer[0, -1], answer[1, -1]) == (1, 40, 80)


def test_the_first_answer_is_recorded_and_the_next_compared(tmp_path: Path) -> None:
    file = tmp_path / "known-answers.json"
    assert [ask(file, A), ask(file, A), ask(file, B), ask(file, A)] == [False, True, False, True]
    assert set(known_answers.read_answers(file)) == {A, B}


def test_half_precision_passes_and_a_wrong_answer_does_not(tmp_path: Path) -> None:
    file = tmp_path / "known-answers.json"
    ask(file, A)
    assert ask(file, A, scale=1.001)
    with pytest.raises(KnownAnswerWrong, match="layer 0"):
        ask(file, A, scale=1.01)
    with pytest.raises(KnownAnswerWrong):
        ask(file, A, scale=float("nan"))


def test_an_answer_with_other_layers_does_not_pass() -> None:
    with pytest.raises(KnownAnswerWrong, match="count"):
        known_answers.compare("m", np.ones((2, 16)), np.ones((3, 16)))


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": {"b": 1}}', '{"a": "x"}'])
def test_a_damaged_record_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "known-answers.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(WeightsRefused, match="no record of known answers"):
        ask(file, A)


def test_a_folder_that_cannot_be_written_only_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not ask(tmp_path / "missing" / "known-answers.json", A)
    assert "could not be recorded" in caplog.text
