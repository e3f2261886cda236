"""A fixed sound whose embedding is on record: what tells a changed library or damaged memory from a working encoder."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from indexer.encoders.base import in_use
from indexer.encoders.mert.config import expected_shapes
from indexer.encoders.mert.models import WEIGHTS_FILE, MertSpec
from indexer.encoders.mert.weights import file_sha256, is_published
from indexer.encoders.registry import load_encoder, require_weights
from indexer.encoders.settings import EncoderSettings
from indexer.files.atomic import write_file
from recommender.errors import KnownAnswerWrong, WeightsRefused
from recommender.types import ClipEmbeddings, Waveform


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A folder of weights that passed."""

    model: str
    folder: str
    sha256: str
    """Of the weights file."""
    published: bool
    """They are the ones that were published, as far as the record of their conversion says."""
    tensors: int
    """All there are; each was found once, of its shape and finite."""
    known_answer: str
    """``confirmed``, or ``recorded`` when these weights were tried for the first time."""
    space: str
    """Key of the space that they span with these settings."""


def verify(spec: MertSpec, settings: EncoderSettings) -> Verified:
    """Check config, digest, tensors and known answer of the weights at ``settings.weights``.

    Raises:
        WeightsMissing, WeightsRefused, KnownAnswerWrong, InvalidArgument: as :func:`load_encoder` does.
    """
    folder = require_weights(spec, settings.weights)
    before = read_answers(folder / ANSWERS_FILE)
    with in_use(load_encoder(spec.id, settings)) as encoder:
        space = encoder.space
    sha256 = file_sha256(folder / WEIGHTS_FILE)
    return Verified(
        model=spec.id,
        folder=str(folder),
        sha256=sha256,
        published=is_published(spec, folder),
        tensors=len(expected_shapes(spec.geometry)),
        known_answer="confirmed" if sha256 in before else "recorded",
        space=space.key,
    )


logger = logging.getLogger(__name__)

ANSWERS_FILE = "known-answers.json"
"""Beside the weights: sha256 of the weights -> layer -> 16 numbers."""

COORDINATES = 16
TOLERANCE = 2e-3
"""Of the length of the 16 numbers. Half precision stays within 1e-3; a positional convolution left at random moves
the whole vector by a third (reference/mert.md 2)."""

SIGNAL_S = 2.0

Answer: TypeAlias = npt.NDArray[np.float64]
"""``[layer, coordinate]``."""


def trial_signal(sample_rate_hz: int) -> Waveform:
    """Two seconds with something for every filter: a rising tone, a fifth that pulses, and noise. Always the same."""
    count = round(SIGNAL_S * sample_rate_hz)
    time_s = np.arange(count) / sample_rate_hz
    rising = np.sin(2 * np.pi * (110 * time_s + 900 * time_s**2))
    pulsing = np.sin(2 * np.pi * 330 * time_s) * (1 + np.sin(2 * np.pi * 3 * time_s)) / 2
    state = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    noise = ((state ^ (state >> np.uint64(29))) >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    return np.asarray(0.4 * rising + 0.3 * pulsing + 0.05 * noise, dtype=np.float32)


def answer_of(embedding: ClipEmbeddings) -> Answer:
    """16 coordinates of each layer of ``[layer, dim]``, spread evenly."""
    where = np.linspace(0, embedding.shape[1] - 1, COORDINATES).round().astype(int)
    return embedding[:, where].astype(np.float64)


def check(encoder: str, sha256: str, ask: Callable[[Waveform], ClipEmbeddings], *, file: Path, rate_hz: int) -> bool:
    """Compare the answer to the test signal with the one on record; put it on record when there is none.

    True when it was compared, False when it is the first.

    Raises:
        KnownAnswerWrong: it is another.
        WeightsRefused: the record cannot be read.
    """
    records = read_answers(file)
    answer = answer_of(ask(trial_signal(rate_hz)))
    if sha256 not in records:
        _record(file, {**records, sha256: answer})
        return False
    compare(encoder, answer, records[sha256])
    return True


def compare(encoder: str, answer: Answer, known: Answer) -> None:
    """Raise KnownAnswerWrong for the first layer that is further off than :data:`TOLERANCE`."""
    if answer.shape != known.shape:
        raise KnownAnswerWrong(encoder, "count", float("inf"))
    errors = np.linalg.norm(answer - known, axis=1) / np.linalg.norm(known, axis=1)
    for layer, error in enumerate(errors):
        if not error <= TOLERANCE:
            raise KnownAnswerWrong(encoder, str(layer), float(error))


def read_answers(file: Path) -> dict[str, Answer]:
    """The answers on record, by sha256 of the weights; none when there is no file. Raises WeightsRefused."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return {sha256: np.array(rows, dtype=np.float64, ndmin=2) for sha256, rows in data.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsRefused(str(file), f"is no record of known answers: {error}") from error


def _record(file: Path, answers: dict[str, Answer]) -> None:
    rows = {sha256: [[float(f"{x:.9g}") for x in row] for row in answer] for sha256, answer in answers.items()}
    try:
        write_file(file, [json.dumps(rows, indent=1).encode()])
    except OSError as error:
        logger.warning("the encoder's answer to the test signal could not be recorded in %s: %s", file, error)
