"""What a generation holds beside its vectors: names, ids, tracks and the matrices of three signals.

The build makes a :class:`Contents`, saves it, and the server loads the same thing; so the format has one home.
Rows are dense: artist row i is the i-th artist in id order, so that ties by row are ties by id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.columns import TextColumn, load_array
from recommender.types import Rows

Digests: TypeAlias = npt.NDArray[np.uint8]
"""``[item, 16]``"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistColumns:
    """One entry an artist, in id order, and the spellings and foreign ids that lead to them."""

    ids: TextColumn
    names: TextColumn
    vector_row: Rows
    """``[artist]`` row in the artist indexes; -1 without an embedding."""
    spellings: TextColumn
    spelling_artist: Rows
    """``[spelling]`` artist row."""
    external_namespaces: TextColumn
    external_values: TextColumn
    external_artist: Rows
    """``[external id]`` artist row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackColumns:
    """One entry a track, in id order."""

    ids: TextColumn
    titles: TextColumn
    artist: Rows
    """``[track]`` artist row."""
    vector_row: Rows
    """``[track]`` row in the track indexes; -1 without an embedding."""
    clips: Rows
    """``[track]`` embedded clips."""
    clips_digest: Digests
    """``[track, 16]`` of the ids of those clips, :func:`digest_of`; all zero where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Collaborations as evidence, sorted by artist_a then artist_b."""

    artist_a: Rows
    artist_b: Rows
    kinds: TextColumn
    titles: TextColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """The matrices of the genre, scene and collaboration signals."""

    genres: TextColumn
    genre_weights: csr_array
    """``[artist, genre]`` in (0, 1]."""
    scene_strengths: csr_array
    """``[artist, artist]`` symmetric, in (0, 1]."""
    scene_mentioned: npt.NDArray[np.bool_]
    """``[artist]``."""
    scene_listed: npt.NDArray[np.bool_]
    """``[artist]``."""
    collaborations: csr_array
    """``[artist, artist]`` symmetric similarity, in (0, 1]."""
    collaboration_known: npt.NDArray[np.bool_]
    """``[artist]``."""
    events: Events


_MATRICES = ("genre_weights", "scene_strengths", "collaborations")
_FLAGS = ("scene_mentioned", "scene_listed", "collaboration_known")
Columns = TypeVar("Columns", ArtistColumns, TrackColumns, Events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All of it."""

    artists: ArtistColumns
    tracks: TrackColumns
    relations: Relations


def digest_of(clip_ids: Iterable[str]) -> bytes:
    """16 bytes that stand for a set of clips, whatever their order; zero for the empty set.

    >>> digest_of(["b", "a"]) == digest_of(["a", "b"]) != digest_of(["ab"])
    True
    """
    ordered = sorted(clip_ids)
    return hashlib.blake2b("\n".join(ordered).encode(), digest_size=16).digest() if ordered else bytes(16)


def save(contents: Contents, folder: Path) -> None:
    """Write ``contents`` as .npy files into the existing ``folder``."""
    relations = contents.relations
    for prefix, group in (("artist", contents.artists), ("track", contents.tracks), ("event", relations.events)):
        _save_columns(group, folder, prefix)
    relations.genres.save(folder, "genres")
    for name in _MATRICES:
        _save_matrix(getattr(relations, name), folder, name)
    for name in _FLAGS:
        np.save(folder / f"{name}.npy", getattr(relations, name), allow_pickle=False)


def load(folder: Path) -> Contents:
    """Map what :func:`save` wrote. The caller has verified the checksums."""
    return Contents(
        artists=_load_columns(ArtistColumns, folder, "artist"),
        tracks=_load_columns(TrackColumns, folder, "track"),
        relations=Relations(
            genres=TextColumn.load(folder, "genres"),
            genre_weights=_load_matrix(folder, "genre_weights"),
            scene_strengths=_load_matrix(folder, "scene_strengths"),
            scene_mentioned=load_array(folder, "scene_mentioned", np.bool_),
            scene_listed=load_array(folder, "scene_listed", np.bool_),
            collaborations=_load_matrix(folder, "collaborations"),
            collaboration_known=load_array(folder, "collaboration_known", np.bool_),
            events=_load_columns(Events, folder, "event"),
        ),
    )


def _save_columns(columns: ArtistColumns | TrackColumns | Events, folder: Path, prefix: str) -> None:
    for field in fields(columns):
        column = getattr(columns, field.name)
        if isinstance(column, TextColumn):
            column.save(folder, f"{prefix}.{field.name}")
        else:
            dtype = np.uint8 if field.type == "Digests" else np.int64
            np.save(folder / f"{prefix}.{field.name}.npy", column.astype(dtype), allow_pickle=False)


def _load_columns(kind: type[Columns], folder: Path, prefix: str) -> Columns:
    loaded: dict[str, Any] = {}  # Any: each field gets the type its own annotation names
    for field in fields(kind):
        name = f"{prefix}.{field.name}"
        if field.type == TextColumn.__name__:
            loaded[field.name] = TextColumn.load(folder, name)
        else:
            loaded[field.name] = load_array(folder, name, np.uint8 if field.type == "Digests" else np.int64)
    return kind(**loaded)


def _save_matrix(matrix: csr_array, folder: Path, name: str) -> None:
    np.save(folder / f"{name}.shape.npy", np.array(matrix.shape, dtype=np.int64), allow_pickle=False)
    np.save(folder / f"{name}.indptr.npy", matrix.indptr.astype(np.int64), allow_pickle=False)
    np.save(folder / f"{name}.indices.npy", matrix.indices.astype(np.int64), allow_pickle=False)
    np.save(folder / f"{name}.data.npy", matrix.data.astype(np.float64), allow_pickle=False)


def _load_matrix(folder: Path, name: str) -> csr_array:
    indptr, indices, shape = (load_array(folder, f"{name}.{part}", np.int64) for part in ("indptr", "indices", "shape"))
    data = load_array(folder, f"{name}.data", np.float64)
    return csr_array((data, indices, indptr), shape=(int(shape[0]), int(shape[1])))
