"""Audio files in memory -> embeddings, the way ``soundkin embed`` takes: the same decoders, the same encoder."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from indexer.audio.decode import choose_excerpt
from indexer.audio.workers.pool import DecodeJob, DecoderPool, Inspection, InspectJob, Outcome
from indexer.embed.pipeline import full_batch
from indexer.encoders.base import Encoder
from indexer.encoders.encode_batch import Encoded, encode_each
from recommender.errors import BadInput
from recommender.types import Waveform

_log = logging.getLogger(__name__)


def encode_files(pool: DecoderPool, encoder: Encoder, files: Sequence[bytes], within: Path) -> list[Encoded]:
    """``[layer, dim]`` of each audio file, or why there is none, in order; one file costs no other.

    Of each file the excerpt that a scan takes is decoded (``indexer.audio.decode``). The files lie in a folder under
    ``within`` while they are decoded, as the decoder processes read files and nothing else.

    Raises:
        DecoderStartFailed: a decoder process that died cannot be replaced.
        EncoderLost: no clip can be encoded any more, whichever it is.
    """
    with tempfile.TemporaryDirectory(dir=within) as folder:
        paths = [_write(Path(folder) / str(place), file) for place, file in enumerate(files)]
        heard = list(_decoded(pool, paths, encoder.space.sample_rate_hz))
    encoded = _encoded(encoder, [one for one in heard if not isinstance(one, BadInput)])
    return [one if isinstance(one, BadInput) else next(encoded) for one in heard]


def _write(path: Path, file: bytes) -> Path:
    path.write_bytes(file)
    return path


def _decoded(pool: DecoderPool, paths: Sequence[Path], sample_rate_hz: int) -> Iterator[Waveform | BadInput]:
    jobs = [_job(found, sample_rate_hz) for found in pool.run(InspectJob(path=path) for path in paths)]
    decoded = pool.run(job for job in jobs if isinstance(job, DecodeJob))
    for job in jobs:
        yield job if isinstance(job, BadInput) else _waveform(next(decoded))


def _job(found: Outcome[Inspection], sample_rate_hz: int) -> DecodeJob | BadInput:
    if found.value is None:
        return _reason(found)
    try:
        excerpt = choose_excerpt(found.value.info.duration_s)
    except BadInput as error:
        return error
    return DecodeJob(path=found.job.path, excerpt=excerpt, sample_rate_hz=sample_rate_hz)


def _waveform(decoded: Outcome[Waveform]) -> Waveform | BadInput:
    return _reason(decoded) if decoded.value is None else decoded.value


def _reason(outcome: Outcome[Inspection] | Outcome[Waveform]) -> BadInput:
    if outcome.error is None:
        raise TypeError("a job was answered with neither a value nor a reason")
    return outcome.error


def _encoded(encoder: Encoder, clips: Sequence[Waveform]) -> Iterator[Encoded]:
    """In batches as embed makes them; why the encoder refused a clip, if it does not say so itself, is logged."""
    start = 0
    while start < len(clips):
        batch = full_batch(encoder, None)
        for one in encode_each(encoder, clips[start : start + batch]):
            if isinstance(one, BadInput) and one.__cause__ is not None:
                _log.error("no embedding of a clip: %s", one.reason, exc_info=one.__cause__)
            yield one
        start += batch
