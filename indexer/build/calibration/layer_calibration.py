"""Calibrates one layer: fits a bundle on reference artists, measures every artist with it, and writes both."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.build.calibration.averages import Grouping
from indexer.build.calibration.bundle_choice import fit_layer
from indexer.build.calibration.calibration_fit import COHORT, MIN_TRACKS, REFERENCE, SEED, Reference, choose_reference
from indexer.build.calibration.measure_artists import Owners, measure_able
from indexer.build.calibration.projection import COMPONENTS
from recommender.calibration import bundle_files
from recommender.calibration.cohort import CALIBRATED_FROM, QUANTILES
from recommender.generation.calibration import bundle_prefix, measured_prefix
from recommender.generation.contents import Contents
from recommender.generation.manifest import CalibrationEntry
from recommender.types import Rows, Space, Vectors
from recommender.vectors import unit

_NUMBERS_PER_ARTIST = 5
"""Numbers stored with the vector of an artist: mean, sd, coherence, tracks, standard error."""
MAX_EXAMPLES = 10
"""Unmeasured artists that the manifest lists."""

ONE_SOUND = 0.999
"""Least cosine of two embeddings of one sound, as a copy in another format has it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedArtists:
    """The embedded artists, in the order of the rows of an index."""

    ids: tuple[str, ...]
    genres: tuple[str, ...]
    """``[artist]`` main genre; empty where none is known."""
    tracks: tuple[Rows, ...]
    """``[artist]`` rows of its embedded tracks."""
    window_clips: tuple[tuple[str, ...], ...] = ()
    """``[artist]`` ids of the clips of its only track, where these stand in for tracks; empty for every other."""
    windows: Vectors | None = None
    """``[clip, dim]`` embeddings of all ``window_clips`` in a layer, artist after artist; None: no clip stands in."""

    @classmethod
    def of(cls, grouping: Grouping, contents: Contents) -> EmbeddedArtists:
        """The embedded artists with their tracks and main genres."""
        order = np.argsort(grouping.track_artist, kind="stable")
        ends = np.cumsum(np.bincount(grouping.track_artist, minlength=grouping.artists))
        embedded = np.flatnonzero(contents.artists.vector_row >= 0).tolist()
        return cls(
            ids=grouping.artist_ids,
            genres=tuple(_main_genre(contents, row) for row in embedded),
            tracks=tuple(np.split(order, ends[:-1])) if grouping.artists else (),
            window_clips=_window_clips(grouping),
        )

    def reference(self, tracks: Vectors) -> Reference:
        """The artists to fit on. ``tracks``: ``[track, dim]`` vectors of all embedded tracks in a layer.

        Where clips stand in for tracks, an artist with one track has a vector for each clip of it, unless they all are
        one sound: copies of a file say nothing about how the music of an artist varies.
        """
        windows = self._windows()
        counts = np.array([len(rows) for rows in self.tracks], dtype=np.int64)
        counts[list(windows)] = [len(vectors) for vectors in windows.values()]
        chosen = choose_reference(counts)
        rows = _joined([self.tracks[row] for row in chosen])
        if windows:  # of at most two thousand artists: few enough to copy
            given = [windows[row] if row in windows else tracks[self.tracks[row]] for row in chosen.tolist()]
            tracks, rows = np.concatenate(given), np.arange(counts[chosen].sum())
        return Reference(
            ids=tuple(self.ids[row] for row in chosen),
            artist=np.repeat(np.arange(len(chosen)), counts[chosen]),
            tracks=tracks,
            rows=rows,
            strata=tuple(self.genres[row] for row in chosen),
        )

    def _windows(self) -> dict[int, Vectors]:
        """Row of an artist -> ``[clip, dim]`` unit vectors that stand in for its tracks."""
        if self.windows is None or not len(self.windows):
            return {}
        sizes = [len(clips) for clips in self.window_clips]
        parts = np.split(unit(self.windows), np.cumsum(sizes)[:-1])
        return {
            row: part for row, part in enumerate(parts) if len(part) >= MIN_TRACKS and (part @ part.T).min() < ONE_SOUND
        }


def _window_clips(grouping: Grouping) -> tuple[tuple[str, ...], ...]:
    """``[artist]`` clips that stand in for tracks: of at most :data:`REFERENCE` artists with one track.

    Nobody's, where :data:`CALIBRATED_FROM` artists have two tracks or more: then they are not needed.
    """
    counts = np.bincount(grouping.track_artist, minlength=grouping.artists)
    clips: list[tuple[str, ...]] = [()] * grouping.artists
    if np.count_nonzero(counts >= MIN_TRACKS) < CALIBRATED_FROM:
        alone = [
            track
            for track, artist in enumerate(grouping.track_artist.tolist())
            if counts[artist] == 1 and len(grouping.track_clips[track]) >= MIN_TRACKS
        ]
        for track in np.random.default_rng(SEED).permutation(np.array(alone, dtype=np.int64))[:REFERENCE].tolist():
            clips[int(grouping.track_artist[track])] = grouping.track_clips[track]
    return tuple(clips)


def expected_bytes(dim: int, grouping: Grouping) -> int:
    """Maximum size of one layer's calibration on disk, in bytes."""
    frozen = dim * (min(dim, COMPONENTS) + 1) + min(grouping.artists, COHORT) * dim + QUANTILES
    return 8 * frozen + grouping.artists * (4 * dim + _NUMBERS_PER_ARTIST * 8)


def write_calibration(
    folder: Path, layer: int, *, space: Space, tracks: Vectors, owners: EmbeddedArtists
) -> CalibrationEntry:
    """Fit the ``layer``-th layer, measure every artist in it, and write both into ``folder``.

    An artist that cannot be measured is recorded, and its numbers are NaN; a layer that cannot be fitted takes the
    borrowed bundle or stays uncalibrated, and the entry says why. Neither stops a build.

    Args:
        folder: the staged generation.
        layer: number of the layer in ``space``.
        space: of the vectors.
        tracks: ``[track, dim]`` unit vectors of every embedded track.
        owners: the artists of the tracks.
    """
    name = space.layer_names[layer]
    fitted = fit_layer(owners.reference(tracks), space=space, layer=name)
    artists, failed = measure_able(fitted.bundle, tracks, Owners(ids=owners.ids, tracks=owners.tracks))
    bundle_files.save(fitted.bundle, folder, bundle_prefix(layer))
    bundle_files.save_stats(artists, folder, measured_prefix(layer), key=fitted.bundle.key)
    for artist, reason in failed[:MAX_EXAMPLES]:
        _log.warning("layer %s: artist %s is not calibrated: %s", name, artist, reason)
    bundle = fitted.bundle
    return CalibrationEntry(
        layer=name,
        status=bundle.status.value,
        method=bundle.method.value,
        reference_artists=bundle.reference_artists,
        key=bundle.key,
        unmeasured=len(failed),
        examples=tuple(artist for artist, _ in failed[:MAX_EXAMPLES]),
        note=fitted.note,
        compared=fitted.compared,
    )


def _joined(parts: list[Rows]) -> Rows:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _main_genre(contents: Contents, artist: int) -> str:
    """The genre with the largest weight, the alphabetically first of equal ones; empty without a genre."""
    matrix = contents.relations.genre_weights
    start, stop = matrix.indptr[artist : artist + 2]
    if start == stop:
        return ""
    return contents.relations.genres[int(matrix.indices[start + np.argmax(matrix.data[start:stop])])]
