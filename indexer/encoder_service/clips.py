"""Audio files in memory to embeddings, by the same decoders and encoder as ``soundkin embed``; for the service."""

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
    """``[layer, dim]`` of each audio file, or the reason why it has none, in order. A bad file affects no other.

    The excerpt of each file is the one that a scan takes (:func:`indexer.audio.decode.choose_excerpt`). While they are
    decoded the files are in a folder under ``within``, because the decoder processes read only files.

    Raises:
        DecoderStartFailed: a decoder process that died cannot be replaced.
        EncoderLost: no clip can be encoded any more.
    """
    with tempfile.TemporaryDirectory(dir=within) as folder:
        paths = [_write(Path(folder) / str(number), file) for number, file in enumerate(files)]
        decoded = list(_decode(pool, paths, encoder.space.sample_rate_hz))
    encoded = _encode(encoder, [waveform for waveform in decoded if not isinstance(waveform, BadInput)])
    return [result if isinstance(result, BadInput) else next(encoded) for result in decoded]


def _write(path: Path, file: bytes) -> Path:
    path.write_bytes(file)
    return path


def _decode(pool: DecoderPool, paths: Sequence[Path], sample_rate_hz: int) -> Iterator[Waveform | BadInput]:
    jobs = [_job(outcome, sample_rate_hz) for outcome in pool.run(InspectJob(path=path) for path in paths)]
    decoded = pool.run(job for job in jobs if isinstance(job, DecodeJob))
    for job in jobs:
        yield job if isinstance(job, BadInput) else _waveform(next(decoded))


def _job(inspected: Outcome[Inspection], sample_rate_hz: int) -> DecodeJob | BadInput:
    if inspected.value is None:
        return _reason(inspected)
    try:
        excerpt = choose_excerpt(inspected.value.info.duration_s)
    except BadInput as error:
        return error
    return DecodeJob(path=inspected.job.path, excerpt=excerpt, sample_rate_hz=sample_rate_hz)


def _waveform(decoded: Outcome[Waveform]) -> Waveform | BadInput:
    return _reason(decoded) if decoded.value is None else decoded.value


def _reason(outcome: Outcome[Inspection] | Outcome[Waveform]) -> BadInput:
    if outcome.error is None:
        raise TypeError("a job has neither a value nor an error")
    return outcome.error


def _encode(encoder: Encoder, clips: Sequence[Waveform]) -> Iterator[Encoded]:
    """Encode ``clips`` in batches of the size that embed uses. An error without a reason of its own is logged."""
    start = 0
    while start < len(clips):
        batch = full_batch(encoder, None)
        for result in encode_each(encoder, clips[start : start + batch]):
            if isinstance(result, BadInput) and result.__cause__ is not None:
                _log.error("no embedding of a clip: %s", result.reason, exc_info=result.__cause__)
            yield result
        start += batch
