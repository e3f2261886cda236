"""Finds near-duplicate tracks: two of one artist with the same title, or with almost the same sound in every layer.

The bar was measured with the descriptors on 75 clips of 30 s of real music (docs/decisions/0010-one-recording.md). 25
of them, written again as flac, mp3 (VBR), ogg, mono, at half the level, and without their first 1.2 s, had a mean
cosine over layers of at least 0.984 with themselves. Of 100 pairs of one artist's clips, one, the same audio under two
titles, had 1.0, and the next 0.823. A published figure for a network is similar: 0.997 and more for a lead-in of 1.2 s,
where a track is the mean of several clips (docs/methods.md, "Duplicates"). Audio that lost its treble, as in
an mp3 of the least quality, falls under the bar.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recommender.calibration.cohort import Status
from recommender.calibration.jackknife import Matrix
from recommender.generation.open_generation import Generation
from recommender.names import fold_release
from recommender.types import Rows
from recommender.vectors import VectorIndex

SAME_FROM = 0.98
"""Mean cosine over the layers of the space from which two tracks of one artist are one recording."""
CENTRED_FROM, CENTRED_ON = 20, 2000
"""Fewest and most tracks whose mean is taken for the centre of a layer without a calibration."""
MAX_COMPARED = 200
"""Tracks of one artist that a track is compared with by sound: "Various Artists" may have ten thousand."""

_SHORTEST = 1e-9
"""A vector that lies on the centre has no direction, and is like no other."""


class SameRecording:
    """Tells whether two embedded tracks of one generation are the same recording."""

    def __init__(self, generation: Generation) -> None:
        self._tracks = tracks = generation.contents.tracks
        self._title = functools.lru_cache(maxsize=1 << 16)(lambda row: fold_release(tracks.titles[row]))
        """Row of a track -> its folded title; those of a list are compared with one another."""
        self._indexes = generation.tracks
        layers = generation.calibration.layers.items()
        trusted = {name: layer.bundle for name, layer in layers if layer.bundle.status is not Status.UNCALIBRATED}
        self._centres: dict[str, Matrix] = {layer: bundle.mean for layer, bundle in trusted.items()}

    def __call__(self, track: int, others: Sequence[int]) -> bool:
        """Whether ``track`` is the same recording as one of ``others``, all of them tracks of its artist.

        Either has the same title up to words that say which release it is (an empty title says nothing), or the mean
        of their cosines over all layers of the space is at least :data:`SAME_FROM`, whichever layers the query uses.
        The centre of the layer is subtracted first, so that the bar means the same in a space in which any two vectors
        lie close together: that of the calibration, or where there is none the mean of many tracks (:func:`_centre`).
        A track without an embedding is compared by title only. By sound it is compared with the first of ``others``,
        which is the seed, and the last :data:`MAX_COMPARED`: in a ranking a copy is about as near to the seed.
        """
        title = self._title(track)
        if title and any(title == self._title(other) for other in others):
            return True
        near = others if len(others) <= MAX_COMPARED else [others[0], *others[-MAX_COMPARED:]]
        embedded = [other for other in near if self._tracks.vector_row[other] >= 0]
        if not embedded or self._tracks.vector_row[track] < 0:
            return False
        return self._alike(self._tracks.vector_row[[track, *embedded]])

    def _alike(self, rows: Rows) -> bool:
        """Whether the first of ``rows`` of the indexes is alike to one of the others; stops when it cannot be."""
        total, left = np.zeros(len(rows) - 1), len(self._indexes)
        needed = SAME_FROM * left
        for layer in self._indexes:
            total, left = total + self._cosines(layer, rows), left - 1
            if total.max() + left < needed:
                return False
        return True

    def _cosines(self, layer: str, rows: Rows) -> npt.NDArray[np.float64]:
        """``[row - 1]`` cosines of the first with each of the others, relative to the centre of the layer."""
        vectors = self._indexes[layer].vectors(rows).astype(np.float64) - self._centre(layer)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1), _SHORTEST)
        cosines: npt.NDArray[np.float64] = np.einsum("ij,j->i", vectors[1:], vectors[0]) / (lengths[1:] * lengths[0])
        return cosines

    def _centre(self, layer: str) -> Matrix:
        """``[dim]``, computed once for each layer without a calibration; two threads may both do so, and agree."""
        if layer not in self._centres:
            self._centres[layer] = _centre(self._indexes[layer])
        return self._centres[layer]


def _centre(index: VectorIndex) -> Matrix:
    """``[dim]`` mean of up to :data:`CENTRED_ON` tracks, evenly spread; 0 where too few are there to have one."""
    if index.size < CENTRED_FROM:
        return np.zeros(index.dim)
    mean: Matrix = index.vectors(np.arange(0, index.size, -(-index.size // CENTRED_ON))).mean(axis=0, dtype=np.float64)
    return mean
