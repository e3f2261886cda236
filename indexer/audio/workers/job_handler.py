"""The request handler of a decoder process: reads a job, does it, writes the reply.

A module of its own, because it brings every decoder library: the worker loads it by name after its limits are in place.
"""

from __future__ import annotations

from indexer.audio.rejection_reasons import Reason
from indexer.audio.workers.jobs import Inspection, perform
from indexer.audio.workers.wire import error_to_bytes, job_from_bytes, value_to_bytes, waveform_to_parts
from indexer.processes.message_frames import Message
from recommender.errors import BadInput


def answer(request: bytes) -> Message:
    """Do the job in ``request``; the reply has the result, or the reason why there is none."""
    try:
        value = perform(job_from_bytes(request))
        return value_to_bytes(value) if isinstance(value, Inspection) else waveform_to_parts(value)
    except BadInput as error:
        return error_to_bytes(error)
    except MemoryError:
        return error_to_bytes(BadInput(Reason.DECODER_MEMORY, "decoding it takes more memory than a decoder may have"))
    except Exception as error:  # one file must not end the run; the reply carries the error to the log
        return error_to_bytes(BadInput(Reason.DECODE_ERROR, f"unexpected {type(error).__name__}: {error}"))
