"""An encoder on several devices: each batch is divided over one process a device, and the results put back in order."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import accumulate

import numpy as np

from indexer.encoders.processes.handle import EncoderProcess
from indexer.encoders.processes.process_main import Recipe
from indexer.encoders.processes.wire import Ready
from recommender.errors import InvalidArgument
from recommender.licences import find_licence
from recommender.types import ClipEmbeddings, Licence, Space, Waveform


class MultiDeviceEncoder:
    """The encoder of ``recipes`` as an :class:`~indexer.encoders.base.Encoder`, in a process for each of them.

    A process that ends is replaced once, and its clips are given to the new one. Call :meth:`close` at the end, or use
    :func:`~indexer.encoders.base.in_use`.
    """

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        """Start the first process, then, when its encoder has passed its checks, the others side by side.

        Raises:
            EncoderLost: a process did not start.
            InvalidArgument: the devices would not make vectors of one space.
            WeightsMissing, WeightsRefused, KnownAnswerWrong: as the encoder raises them.
        """
        self._processes = [EncoderProcess(recipe) for recipe in recipes]
        self._threads = ThreadPoolExecutor(len(recipes), thread_name_prefix="soundkin-encoder")
        try:
            self._ready = self._processes[0].start()
            others = list(self._threads.map(EncoderProcess.start, self._processes[1:]))
            for recipe, other in zip(recipes[1:], others, strict=True):
                _require_same_space(recipes[0], self._ready, recipe, other)
        except BaseException:
            self.close()
            raise

    @property
    def space(self) -> Space:
        """The space of the embeddings, the same for every device."""
        return self._ready.space

    @property
    def licence(self) -> Licence:
        """The licence of the weights."""
        return find_licence(self._ready.licence)

    @property
    def rows(self) -> int:
        """Clips in a pass, all devices together."""
        return sum(process.rows for process in self._processes)

    @property
    def batch(self) -> int:
        """Clips that the encoder is best given at once, all devices together."""
        return sum(process.batch for process in self._processes)

    @property
    def pids(self) -> tuple[int, ...]:
        """Numbers of the processes that are running."""
        return tuple(process.pid for process in self._processes if process.pid is not None)

    def encode(self, clips: Sequence[Waveform]) -> ClipEmbeddings:
        """Embed ``clips`` -> ``[clip, layer, dim]`` float32, the bits that one process with as many threads gives.

        Raises what the encoder raises, the first error in the order of the clips; EncoderEnded when a process is lost
        twice over the same clips, EncoderLost when no other can be started.
        """
        counts = shares(len(clips), [process.rows for process in self._processes])
        ends = list(accumulate(counts))
        futures = [
            self._threads.submit(process.encode, clips[end - count : end])
            for process, count, end in zip(self._processes, counts, ends, strict=True)
            if count
        ]
        wait(futures)
        empty = np.zeros((0, len(self.space.layers), self.space.dim), dtype=np.float32)  # the result for no clips
        return np.concatenate([empty, *(future.result() for future in futures)])

    def close(self) -> None:
        """End every process, even in the middle of a clip. Calling it again does nothing."""
        for process in self._processes:
            process.retire()
        # Only then release pipes and memory: a thread that waits for an answer still uses them.
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._processes:
            process.stop()


def shares(count: int, rows: Sequence[int]) -> list[int]:
    """Clips for each device, of ``count``: whole passes of its ``rows``, as few for the busiest device as possible.

    >>> shares(100, [32, 32]), shares(5, [1, 1]), shares(20, [32, 8])
    ([64, 36], [3, 2], [20, 0])
    """
    passes = -(-count // sum(rows))  # rounded up
    counts: list[int] = []
    for pass_rows in rows:
        counts.append(min(passes * pass_rows, count - sum(counts)))
    return counts


def _require_same_space(first: Recipe, first_ready: Ready, other: Recipe, other_ready: Ready) -> None:
    if first_ready.space.fingerprint != other_ready.space.fingerprint:
        problem = f"{first.device} and {other.device} make vectors of two spaces; say --precision fp32 or fp16 for both"
        raise InvalidArgument("device", problem)
