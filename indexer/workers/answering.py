"""What a decoder process does with a request: the work of a job, and every failure turned into a reply."""

from __future__ import annotations

from indexer.reasons import Reason
from indexer.workers.frames import Message
from indexer.workers.jobs import Inspection, perform
from indexer.workers.wire import error_to_bytes, job_from_bytes, value_to_bytes, waveform_to_parts
from recommender.errors import BadInput


def answer(request: bytes) -> Message:
    """Do the job in ``request`` and say how it went. Runs inside a worker (:mod:`indexer.workers.worker`)."""
    try:
        value = perform(job_from_bytes(request))
        return value_to_bytes(value) if isinstance(value, Inspection) else waveform_to_parts(value)
    except BadInput as error:
        return error_to_bytes(error)
    except MemoryError:
        return error_to_bytes(BadInput(Reason.DECODER_MEMORY, "decoding it takes more memory than a decoder may have"))
    except Exception as error:  # one file must not end the run; the reply carries it to the log
        return error_to_bytes(BadInput(Reason.DECODE_ERROR, f"unexpected {type(error).__name__}: {error}"))
