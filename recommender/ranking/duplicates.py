"""Finds which tracks are one recording: by the title within one artist, by sound whoever is credited.

The bars were measured with the descriptors (docs/decisions/0010-one-recording.md). A published figure for a network is
similar: 0.997 and more for a lead-in of 1.2 s, where a track is the mean of several clips (docs/methods.md,
"Duplicates"). Audio that lost its treble, as in an mp3 of the least quality, falls under the bars.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from recommender.calibration.jackknife import Matrix
from recommender.generation.open_generation import Generation
from recommender.names import fold_release
from recommender.types import Rows
from recommender.vectors import VectorIndex

Item = TypeVar("Item")

SAME_TITLE_FROM = 0.9
"""Mean cosine over the layers of the space from which two tracks with one title are one recording."""
SAME_FROM = 0.98
"""The same for two tracks of one artist with two titles."""
STRANGER_FROM = 0.995
"""The same for two tracks that have neither the artist nor the title in common."""
CENTRED_FROM, CENTRED_ON = 20, 2000
"""Fewest and most tracks whose mean is taken for the centre of a layer without a calibration."""
MAX_COMPARED = 200
"""Tracks before it in a list that a track is compared with by sound, beside the seed."""

_MAX_TITLE = 500
"""Characters of a title that are compared: it may be a whole page."""
_GUESTS = re.compile(r"[(\[ ](?:feat\.?|ft\.?|featuring) ")
_SHORTEST = 1e-9
"""A vector that lies on the centre has no direction, and is like no other."""
_SLACK = 1e-6
"""Cosines of one pair differ by rounding in the last digits, depending on what they are computed together with."""


class SameRecording:
    """Tells whether tracks of one generation are the same recording. It has no state; safe to share between threads."""

    def __init__(self, generation: Generation) -> None:
        self._contents = generation.contents
        tracks, details = generation.contents.tracks, generation.contents.details
        self.title = functools.lru_cache(maxsize=1 << 16)(lambda row: fold_release(tracks.titles[row]))
        """Row of a track -> its folded title; those of a list are compared with one another."""
        self._core = functools.lru_cache(maxsize=1 << 16)(lambda row: title_core(tracks.titles[row]))
        self._album = functools.lru_cache(maxsize=1 << 16)(lambda row: fold_release(details.album_of(row)))
        self._indexes = generation.tracks
        layers = generation.calibration.layers.items()
        # A bundle of raw cosines has no centre: it is fitted on too few artists, or whitening does not help the layer.
        self._centres: dict[str, Matrix] = {
            name: layer.bundle.mean for name, layer in layers if layer.bundle.mean.any()
        }

    def __call__(self, track: int, others: Sequence[int]) -> bool:
        """Whether ``track`` is the same recording as one of ``others``; :class:`Recordings` says when."""
        recordings = Recordings(self)
        for other in others:
            recordings.add(other)
        return recordings.has(track)

    def artist(self, track: int) -> int:
        """Row of its artist."""
        return int(self._contents.tracks.artist[track])

    def album(self, track: int) -> str:
        """Its album, folded as a title is; empty where it is not known."""
        return self._album(track)

    def bar(self, a: int, b: int) -> float:
        """The mean cosine from which two tracks are one recording: the more their names differ, the higher."""
        core = self._core(a)
        if core and core == self._core(b):
            return SAME_TITLE_FROM
        return SAME_FROM if self.artist(a) == self.artist(b) else STRANGER_FROM

    def direction(self, track: int) -> Matrix | None:
        """``[dim]`` unit vector in the first layer, relative to its centre; None without an embedding."""
        row = self._contents.tracks.vector_row[track]
        return self._directions(next(iter(self._indexes)), np.array([row]))[0] if row >= 0 else None

    @property
    def dim(self) -> int:
        """Length of a vector; 0 where nothing is embedded."""
        return next(iter(self._indexes.values())).dim if self._indexes else 0

    @property
    def layers(self) -> int:
        """How many layers are compared."""
        return len(self._indexes)

    def sounds_like_one(self, track: int, others: Sequence[int], bars: npt.NDArray[np.float64]) -> bool:
        """Whether the mean cosine over all layers of ``track`` with one of ``others`` reaches its bar in ``bars``.

        All layers count, whichever the query uses: two tracks of one tempo are not one recording because somebody
        listens by rhythm. The centre of a layer is subtracted first, so that a bar means the same in a space in which
        any two vectors lie close together: that of the calibration, or where there is none the mean of many tracks
        (:func:`_centre`). All tracks have embeddings.
        """
        rows = self._contents.tracks.vector_row[np.asarray(others, dtype=np.int64)]
        own, left = self._contents.tracks.vector_row[[track]], len(self._indexes)
        total, needed = np.zeros(len(rows)), bars * left
        for layer in self._indexes:
            vectors = self._directions(layer, np.concatenate([own, rows]))
            total, left = total + np.einsum("ij,j->i", vectors[1:], vectors[0]), left - 1
            open_ = total + left >= needed  # each layer to come adds 1 at most
            rows, total, needed = rows[open_], total[open_], needed[open_]
            if not len(rows):
                return False
        return True

    def _directions(self, layer: str, rows: Rows) -> npt.NDArray[np.float64]:
        """``[row, dim]`` unit vectors of ``rows`` of an index, relative to the centre of the layer."""
        vectors = self._indexes[layer].vectors(rows).astype(np.float64) - self._centre(layer)
        directions: npt.NDArray[np.float64] = vectors / np.maximum(
            np.linalg.norm(vectors, axis=1, keepdims=True), _SHORTEST
        )
        return directions

    def _centre(self, layer: str) -> Matrix:
        """``[dim]``, computed once for each layer without a calibration; two threads may both do so, and agree."""
        if layer not in self._centres:
            self._centres[layer] = _centre(self._indexes[layer])
        return self._centres[layer]


class Recordings:
    """The recordings of one list, which grows from its front. Used by one request.

    A track is the recording of a track before it

    - when one artist has both, with one title up to words that say which release it is (an empty title says nothing),
      and the albums are the same up to such words, or one of them is not known. Two albums may each have an "Intro";
    - or when the mean of their cosines over all layers reaches a bar: :data:`SAME_TITLE_FROM` where the titles are the
      same in their core (:func:`title_core`), :data:`SAME_FROM` where only the artist is, :data:`STRANGER_FROM` where
      neither is. So another artist's title alone never says anything: of two songs called "Home" most are two.

    By sound a track is compared with the first of the list, which is the seed, and with the last :data:`MAX_COMPARED`:
    in a ranking a copy is about as near to the seed, and a long list stays cheap.
    """

    def __init__(self, same: SameRecording) -> None:
        self._same = same
        self._albums: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        """(artist, folded title) -> folded albums of the tracks that were added; empty for an unknown one."""
        self._embedded: list[int] = []
        """The first track with an embedding, and a ring of the last :data:`MAX_COMPARED` behind it."""
        self._directions = np.zeros((1 + MAX_COMPARED, same.dim))
        """``[track, dim]`` of these in the first layer."""
        self._added = 0

    def add(self, track: int) -> None:
        """Add a track at the end of the list."""
        title, direction = self._same.title(track), self._same.direction(track)
        if title:
            self._albums[self._same.artist(track), title].add(self._same.album(track))
        if direction is not None:
            place = 1 + (self._added - 1) % MAX_COMPARED if self._added else 0
            self._embedded[place : place + 1] = [track]
            self._directions[place] = direction
            self._added += 1

    def has(self, track: int) -> bool:
        """Whether ``track`` is the recording of a track that was added."""
        return self._has_title(track) or self._has_sound(track)

    def _has_title(self, track: int) -> bool:
        title, album = self._same.title(track), self._same.album(track)
        albums = self._albums.get((self._same.artist(track), title), set()) if title else set()
        return bool(albums) and (not album or album in albums or "" in albums)

    def _has_sound(self, track: int) -> bool:
        direction = self._same.direction(track) if self._embedded else None
        if direction is None:
            return False
        bars = np.array([self._same.bar(track, other) for other in self._embedded])
        # The first layer excludes nearly all: with a cosine below this the mean cannot reach the bar any more.
        least = 1.0 - (1.0 - bars) * self._same.layers - _SLACK
        near = np.flatnonzero(self._directions[: len(bars)] @ direction >= least)
        others = [self._embedded[place] for place in near.tolist()]
        return bool(others) and self._same.sounds_like_one(track, others, bars[near])


def title_core(title: str) -> str:
    """``title`` folded, without release words, guests, and an artist in front: what two credits of a track share.

    >>> title_core("Hit (feat. Guest)"), title_core("Long Act - Hit [2011 Remaster]"), title_core("Hit ft. Guest")
    ('hit', 'hit', 'hit')
    >>> title_core("Hit (Live)"), title_core("Feat.")
    ('hit (live)', 'feat.')
    """
    folded = fold_release(title)[:_MAX_TITLE]
    cut = _GUESTS.split(fold_release(folded.rpartition(" - ")[2]), maxsplit=1)[0].strip()
    return fold_release(cut) or folded


def each_once(
    items: Iterable[Item], track_of: Callable[[Item], int], recordings: Recordings, *, taken: Iterable[int] = ()
) -> Iterator[Item]:
    """Leave out every item whose recording came before it, or is among ``taken``. Order is unchanged.

    Of one recording the first is kept, however many are read: a shorter list is the beginning of a longer one.

    Args:
        items: best first.
        track_of: row of the track of an item.
        recordings: of the list; every item that is kept is added to it.
        taken: rows of tracks that count as kept already, and are not yielded.
    """
    for track in taken:
        recordings.add(track)
    for item in items:
        track = track_of(item)
        if not recordings.has(track):
            recordings.add(track)
            yield item


def _centre(index: VectorIndex) -> Matrix:
    """``[dim]`` mean of up to :data:`CENTRED_ON` tracks, evenly spread; 0 where too few are there to have one."""
    if index.size < CENTRED_FROM:
        return np.zeros(index.dim)
    mean: Matrix = index.vectors(np.arange(0, index.size, -(-index.size // CENTRED_ON))).mean(axis=0, dtype=np.float64)
    return mean
