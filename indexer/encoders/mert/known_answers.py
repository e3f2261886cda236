"""Known answers: a fixed test signal whose embedding is recorded, to detect a changed library or damaged weights."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from indexer.encoders.base import EncoderSettings, in_use
from indexer.encoders.mert.config import expected_shapes
from indexer.encoders.mert.models import WEIGHTS_FILE, MertSpec, is_published
from indexer.encoders.mert.weights import file_sha256
from indexer.encoders.registry import load_encoder, require_weights
from indexer.files.atomic import write_file
from recommender.errors import KnownAnswerWrong, WeightsRefused
from recommender.types import ClipEmbeddings, Waveform

_log = logging.getLogger(__name__)

ANSWERS_FILE = "known-answers.json"
"""Beside the weights: sha256 of the weights -> layer -> 16 numbers."""

COORDINATES = 16
TOLERANCE = 2e-3
"""Largest relative error of the 16 numbers of a layer. Half precision stays within 1e-3. A positional convolution that
keeps random weights, because a loader does not know its tensor names, changes the vector by a third."""

SIGNAL_S = 2.0

Answer: TypeAlias = npt.NDArray[np.float64]
"""``[layer, coordinate]``."""


def trial_signal(sample_rate_hz: int) -> Waveform:
    """Two seconds of a rising tone, a pulsing tone and noise, so that every filter has input. Always the same."""
    count = round(SIGNAL_S * sample_rate_hz)
    time_s = np.arange(count) / sample_rate_hz
    rising = np.sin(2 * np.pi * (110 * time_s + 900 * time_s**2))
    pulsing = np.sin(2 * np.pi * 330 * time_s) * (1 + np.sin(2 * np.pi * 3 * time_s)) / 2
    # Noise by integer hashing: the same on every machine and with every version of numpy.
    state = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    noise = ((state ^ (state >> np.uint64(29))) >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    return np.asarray(0.4 * rising + 0.3 * pulsing + 0.05 * noise, dtype=np.float32)


def answer_of(embedding: ClipEmbeddings) -> Answer:
    """16 coordinates of each layer of ``[layer, dim]``, evenly spaced."""
    coordinates = np.linspace(0, embedding.shape[1] - 1, COORDINATES).round().astype(int)
    return embedding[:, coordinates].astype(np.float64)


def check(encoder: str, sha256: str, embed: Callable[[Waveform], ClipEmbeddings], *, file: Path, rate_hz: int) -> bool:
    """Compare the embedding of the test signal with the recorded one; record it when there is none.

    True when it was compared, False when it was recorded.

    Raises:
        KnownAnswerWrong: they differ.
        WeightsRefused: the record cannot be read.
    """
    records = read_answers(file)
    answer = answer_of(embed(trial_signal(rate_hz)))
    if sha256 not in records:
        _record(file, {**records, sha256: answer})
        return False
    compare(encoder, answer, records[sha256])
    return True


def compare(encoder: str, answer: Answer, known: Answer) -> None:
    """Raise KnownAnswerWrong for the first layer whose relative error is above :data:`TOLERANCE`."""
    if answer.shape != known.shape:
        raise KnownAnswerWrong(encoder, "count", float("inf"))
    errors = np.linalg.norm(answer - known, axis=1) / np.linalg.norm(known, axis=1)
    for layer, error in enumerate(errors):
        if not error <= TOLERANCE:  # also true for NaN
            raise KnownAnswerWrong(encoder, str(layer), float(error))


def read_answers(file: Path) -> dict[str, Answer]:
    """The recorded answers, by sha256 of the weights; none when there is no file. Raises WeightsRefused."""
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
        _log.warning("the encoder's answer to the test signal could not be recorded in %s: %s", file, error)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedWeights:
    """A folder of weights that passed all checks."""

    model: str
    folder: str
    sha256: str
    """Of the weights file."""
    published: bool
    """Whether they are the published ones, according to the record of their conversion."""
    tensors: int
    """Number of tensors; each is there once, has its shape and is finite."""
    known_answer: str
    """``confirmed``, or ``recorded`` when these weights were used for the first time."""
    space: str
    """Key of the space of their vectors with these settings."""


def verify(spec: MertSpec, settings: EncoderSettings) -> VerifiedWeights:
    """Check config, digest, tensors and known answer of the weights at ``settings.weights``.

    Raises:
        WeightsMissing, WeightsRefused, KnownAnswerWrong, InvalidArgument: as :func:`load_encoder` does.
    """
    folder = require_weights(spec, settings.weights)
    before = read_answers(folder / ANSWERS_FILE)
    with in_use(load_encoder(spec.id, settings)) as encoder:
        space = encoder.space
    sha256 = file_sha256(folder / WEIGHTS_FILE)
    return VerifiedWeights(
        model=spec.id,
        folder=str(folder),
        sha256=sha256,
        published=is_published(spec, folder),
        tensors=len(expected_shapes(spec.geometry)),
        known_answer="confirmed" if sha256 in before else "recorded",
        space=space.key,
    )
