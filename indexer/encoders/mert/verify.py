"""Every check of a model's folder at once, and what came out of it."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.encoders import load_encoder, require_weights
from indexer.encoders.base import in_use
from indexer.encoders.mert.known_answers import ANSWERS_FILE, read_answers
from indexer.encoders.mert.origin import is_published
from indexer.encoders.mert.shapes import expected_shapes
from indexer.encoders.mert.specs import WEIGHTS_FILE, MertSpec
from indexer.encoders.mert.weights import file_sha256
from indexer.encoders.settings import EncoderSettings


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
