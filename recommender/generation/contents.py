"""The contents of a generation beside its vectors: names, ids, tracks and the matrices of three signals.

The build makes a :class:`Contents` and saves it; the server loads it. Both use this module, so the format is defined
once. Rows are dense: artist row i is the i-th artist in id order, so that ties by row are ties by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import xxhash
from scipy.sparse import csr_array

from recommender.array_files import Scalar, TextColumn, load_array
from recommender.errors import GenerationCorrupt
from recommender.types import Rows, Similarities

Digests: TypeAlias = npt.NDArray[np.uint8]
"""``[item, 16]``"""


_DTYPE = "dtype"
_TEXT: Mapping[str, type[np.generic] | None] = {_DTYPE: None}
_INT64: Mapping[str, type[np.generic] | None] = {_DTYPE: np.int64}
_UINT8: Mapping[str, type[np.generic] | None] = {_DTYPE: np.uint8}
_FLOAT64: Mapping[str, type[np.generic] | None] = {_DTYPE: np.float64}
"""How the files of a column are written: the metadata of its field. A text column is two files, see TextColumn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistColumns:
    """One entry an artist, in id order, and the spellings and external ids by which they are looked up."""

    ids: TextColumn = field(metadata=_TEXT)
    names: TextColumn = field(metadata=_TEXT)
    vector_row: Rows = field(metadata=_INT64)
    """``[artist]`` row in the artist indexes; -1 without an embedding."""
    spellings: TextColumn = field(metadata=_TEXT)
    spelling_artist: Rows = field(metadata=_INT64)
    """``[spelling]`` artist row."""
    external_namespaces: TextColumn = field(metadata=_TEXT)
    external_values: TextColumn = field(metadata=_TEXT)
    external_artist: Rows = field(metadata=_INT64)
    """``[external id]`` artist row."""
    popularity: Similarities | None = field(default=None, metadata=_FLOAT64)
    """``[artist]`` percentile in [0, 1] of the popularity that sources give; NaN where none does. None where no artist
    has one, and in generations that are older than this column: it has no file then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackColumns:
    """One entry a track, in id order."""

    ids: TextColumn = field(metadata=_TEXT)
    titles: TextColumn = field(metadata=_TEXT)
    artist: Rows = field(metadata=_INT64)
    """``[track]`` artist row."""
    vector_row: Rows = field(metadata=_INT64)
    """``[track]`` row in the track indexes; -1 without an embedding."""
    clips: Rows = field(metadata=_INT64)
    """``[track]`` embedded clips."""
    clips_digest: Digests = field(metadata=_UINT8)
    """``[track, 16]`` of the ids of those clips, :func:`digest_of`; all zero where there are none."""


class TrackFacts(NamedTuple):
    """What the file of one track says beside its title; empty or 0 where it says nothing."""

    album: str = ""
    album_artist: str = ""
    credit: str = ""
    """The artist field of the file as it is: ``"Alpha One feat. Beta Two"``."""
    path: str = ""
    """Absolute path of a file of the track, on the machine that scanned it."""
    length_ms: int = 0
    year: int = 0
    disc: int = 0
    number: int = 0


def _no_text() -> TextColumn:
    return TextColumn.of(())


def _no_numbers() -> Rows:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackDetails:
    """What the files of tracks say: a column for each field of :class:`TrackFacts`, in the order of the tracks.

    A column is empty where no track has a value. Its files are then absent, as in every generation that was built
    before there was such a column.
    """

    album: TextColumn = field(default_factory=_no_text, metadata=_TEXT)
    album_artist: TextColumn = field(default_factory=_no_text, metadata=_TEXT)
    credit: TextColumn = field(default_factory=_no_text, metadata=_TEXT)
    path: TextColumn = field(default_factory=_no_text, metadata=_TEXT)
    length_ms: Rows = field(default_factory=_no_numbers, metadata=_INT64)
    year: Rows = field(default_factory=_no_numbers, metadata=_INT64)
    disc: Rows = field(default_factory=_no_numbers, metadata=_INT64)
    number: Rows = field(default_factory=_no_numbers, metadata=_INT64)

    @classmethod
    def of(cls, facts: Sequence[TrackFacts]) -> TrackDetails:
        """The columns of ``facts``, one entry a track.

        >>> details = TrackDetails.of([TrackFacts(album="One"), TrackFacts()])
        >>> details.at(0).album, details.at(1), len(details.year)
        ('One', TrackFacts(album='', album_artist='', credit='', path='', length_ms=0, year=0, disc=0, number=0), 0)
        """
        made: dict[str, Any] = {}  # Any: each column is of the type that its field declares
        for column, values in zip(TrackFacts._fields, zip(*facts, strict=True), strict=False):
            if any(values):
                is_text = isinstance(values[0], str)
                made[column] = TextColumn.of(values) if is_text else np.array(values, dtype=np.int64)
        return cls(**made)

    def at(self, track: int) -> TrackFacts:
        """What the file of the track at a row says."""
        given: dict[str, Any] = {}  # Any: as above
        for name in TrackFacts._fields:
            column = getattr(self, name)
            if len(column):
                given[name] = column[track] if isinstance(column, TextColumn) else int(column[track])
        return TrackFacts(**given)

    def album_of(self, track: int) -> str:
        """The album of the track at a row; empty where it is not known."""
        return self.album[track] if len(self.album) else ""

    def without_paths(self) -> TrackDetails:
        """The same without any path, for whoever may not know where files lie."""
        return replace(self, path=_no_text())


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """One entry a collaboration, sorted by artist_a then artist_b; shown as the reason for a similarity."""

    artist_a: Rows = field(metadata=_INT64)
    artist_b: Rows = field(metadata=_INT64)
    kinds: TextColumn = field(metadata=_TEXT)
    titles: TextColumn = field(metadata=_TEXT)


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
    scene_walk: csr_array | None = None
    """``[artist, artist]`` symmetric values of a random walk over the scene, float32 above 0; None in generations of
    earlier releases, which have no such files."""


_WALK = "scene_walk"
_MATRICES = ("genre_weights", "scene_strengths", "collaborations")
_FLAGS = ("scene_mentioned", "scene_listed", "collaboration_known")
_DETAIL = "detail"
Columns = TypeVar("Columns", ArtistColumns, TrackColumns, TrackDetails, Events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything in a generation except vectors and calibration."""

    artists: ArtistColumns
    tracks: TrackColumns
    relations: Relations
    details: TrackDetails = field(default_factory=TrackDetails)


def digest_of(clip_ids: Iterable[str]) -> bytes:
    """A 16-byte digest of a set of clips that does not depend on their order; all zero for the empty set.

    >>> digest_of(["b", "a"]) == digest_of(["a", "b"]) != digest_of(["ab"])
    True
    """
    joined = "\n".join(sorted(clip_ids))
    return xxhash.xxh3_128_digest(joined.encode()) if joined else bytes(16)


def save(contents: Contents, folder: Path) -> None:
    """Write ``contents`` as .npy files into the existing ``folder``."""
    relations = contents.relations
    for prefix, group in (("artist", contents.artists), ("track", contents.tracks), ("event", relations.events)):
        _save_columns(group, folder, prefix)
    _save_columns(contents.details, folder, _DETAIL)
    relations.genres.save(folder, "genres")
    for name in _MATRICES:
        _save_matrix(getattr(relations, name), folder, name)
    if relations.scene_walk is not None:
        # Half the size of the others: with a million artists it has about forty million entries.
        _save_matrix(relations.scene_walk, folder, _WALK, index=np.int32, value=np.float32)
    for name in _FLAGS:
        np.save(folder / f"{name}.npy", getattr(relations, name), allow_pickle=False)


def load(folder: Path) -> Contents:
    """Memory-map what :func:`save` wrote. The caller has verified the checksums.

    The checksums show that a file is as the build wrote it, not that the build was right. So lengths and row numbers
    are checked here, once: otherwise a request would be the first to fail.

    Raises:
        GenerationCorrupt: a file cannot be read, has another length than the files beside it, or has a row number that
            does not exist. It names the file.
    """
    loaded = Contents(
        artists=_load_columns(ArtistColumns, folder, "artist"),
        tracks=_load_columns(TrackColumns, folder, "track"),
        relations=Relations(
            genres=_text(folder, "genres"),
            genre_weights=_load_matrix(folder, "genre_weights"),
            scene_strengths=_load_matrix(folder, "scene_strengths"),
            scene_mentioned=_array(folder, "scene_mentioned", np.bool_),
            scene_listed=_array(folder, "scene_listed", np.bool_),
            collaborations=_load_matrix(folder, "collaborations"),
            collaboration_known=_array(folder, "collaboration_known", np.bool_),
            events=_load_columns(Events, folder, "event"),
            scene_walk=_load_walk(folder),
        ),
        details=_load_columns(TrackDetails, folder, _DETAIL),
    )
    for name, problem in _faults(loaded):
        raise GenerationCorrupt(folder.name, f"{name}.npy", problem)
    return loaded


def _faults(loaded: Contents) -> Iterator[tuple[str, str]]:
    """(file, problem) for every file of ``loaded`` that does not fit the others."""
    artists, tracks, relations = loaded.artists, loaded.tracks, loaded.relations
    count, events = len(artists.ids), relations.events
    yield from _lengths(
        {"artist.names.offsets": len(artists.names), "artist.vector_row": len(artists.vector_row)}
        | {name: len(getattr(relations, name)) for name in _FLAGS}
        | {f"{name}.shape": getattr(relations, name).shape[0] for name in _MATRICES}
        | {f"{name}.shape": getattr(relations, name).shape[1] for name in _MATRICES[1:]},
        expected=count,
    )
    if relations.scene_walk is not None:
        yield from _lengths({f"{_WALK}.shape": size for size in relations.scene_walk.shape}, expected=count)
    if artists.popularity is not None:
        yield from _lengths({"artist.popularity": len(artists.popularity)}, expected=count)
        if not ((artists.popularity >= 0) & (artists.popularity <= 1) | np.isnan(artists.popularity)).all():
            yield "artist.popularity", "holds a number outside [0, 1]"
    yield from _lengths({"artist.spelling_artist": len(artists.spelling_artist)}, expected=len(artists.spellings))
    foreign = {"values.offsets": artists.external_values, "artist": artists.external_artist}
    yield from _lengths(
        {f"artist.external_{name}": len(column) for name, column in foreign.items()},
        expected=len(artists.external_namespaces),
    )
    yield from _lengths({f"track.{name}": size for name, size in _sizes(tracks)}, expected=len(tracks.ids))
    details = {f"{_DETAIL}.{name}": size for name, size in _sizes(loaded.details) if size}
    yield from _lengths(details, expected=len(tracks.ids))
    yield from _lengths({f"event.{name}": size for name, size in _sizes(events)}, expected=len(events.kinds))
    yield from _lengths({"genre_weights.shape": relations.genre_weights.shape[1]}, expected=len(relations.genres))
    yield from _lengths({"track.clips_digest": tracks.clips_digest.shape[-1]}, expected=len(digest_of(())))
    yield from _out_of_range(
        {
            "artist.spelling_artist": artists.spelling_artist,
            "artist.external_artist": artists.external_artist,
            "track.artist": tracks.artist,
            "event.artist_a": events.artist_a,
            "event.artist_b": events.artist_b,
        },
        count,
    )
    yield from _not_dense({"artist.vector_row": artists.vector_row, "track.vector_row": tracks.vector_row})


def _sizes(columns: TrackColumns | TrackDetails | Events) -> Iterator[tuple[str, int]]:
    return ((column.name, len(getattr(columns, column.name))) for column in fields(columns))


def _lengths(sizes: Mapping[str, int], *, expected: int) -> Iterator[tuple[str, str]]:
    return ((name, f"has {size} entries, expected {expected}") for name, size in sizes.items() if size != expected)


def _out_of_range(rows: Mapping[str, Rows], count: int) -> Iterator[tuple[str, str]]:
    """Columns with a row number that is not below ``count``."""
    for name, column in rows.items():
        if not _within(column, count):
            yield name, f"leads past the {count} artists"


def _not_dense(rows: Mapping[str, Rows]) -> Iterator[tuple[str, str]]:
    """Columns that do not give every item with a vector its own vector row, 0 to n - 1."""
    for name, column in rows.items():
        numbered = column[column >= 0]
        if int(column.min(initial=0)) < -1 or not _within(numbered, len(numbered)):
            yield name, "numbers its vectors with gaps"
        elif (np.bincount(numbered) != 1).any():
            yield name, "gives two the same vector"


def _within(rows: npt.NDArray[np.integer], count: int) -> bool:
    return bool(int(rows.min(initial=0)) >= 0 and int(rows.max(initial=-1)) < count)


def _save_columns(columns: ArtistColumns | TrackColumns | TrackDetails | Events, folder: Path, prefix: str) -> None:
    for column in fields(columns):
        values, dtype, name = getattr(columns, column.name), column.metadata[_DTYPE], f"{prefix}.{column.name}"
        if values is None or (isinstance(columns, TrackDetails) and not len(values)):
            continue
        if dtype is None:
            values.save(folder, name)
        else:
            np.save(folder / f"{name}.npy", values.astype(dtype), allow_pickle=False)


def _load_columns(kind: type[Columns], folder: Path, prefix: str) -> Columns:
    loaded: dict[str, Any] = {}  # Any: each column is of the type that its field declares
    for column in fields(kind):
        dtype, name = column.metadata[_DTYPE], f"{prefix}.{column.name}"
        is_optional = column.default is None or column.default_factory is not MISSING
        if is_optional and not _is_there(folder, name, dtype):
            continue
        loaded[column.name] = _text(folder, name) if dtype is None else _array(folder, name, dtype)
    return kind(**loaded)


def _is_there(folder: Path, name: str, dtype: type[np.generic] | None) -> bool:
    """Whether an optional column was written; every file that is there is in the manifest."""
    return (folder / (f"{name}.offsets.npy" if dtype is None else f"{name}.npy")).exists()


def _array(folder: Path, name: str, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
    try:
        return load_array(folder, name, dtype)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise GenerationCorrupt(folder.name, f"{name}.npy", f"cannot be read ({error})") from error


def _text(folder: Path, name: str) -> TextColumn:
    try:
        return TextColumn.load(folder, name)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise GenerationCorrupt(folder.name, f"{name}.offsets.npy", f"or its text cannot be read ({error})") from error


def _save_matrix(
    matrix: csr_array,
    folder: Path,
    name: str,
    *,
    index: type[np.integer] = np.int64,
    value: type[np.floating] = np.float64,
) -> None:
    np.save(folder / f"{name}.shape.npy", np.array(matrix.shape, dtype=np.int64), allow_pickle=False)
    np.save(folder / f"{name}.indptr.npy", matrix.indptr.astype(np.int64), allow_pickle=False)
    np.save(folder / f"{name}.indices.npy", matrix.indices.astype(index), allow_pickle=False)
    np.save(folder / f"{name}.data.npy", matrix.data.astype(value), allow_pickle=False)


def _load_walk(folder: Path) -> csr_array | None:
    if not (folder / f"{_WALK}.shape.npy").exists():
        return None
    return _load_matrix(folder, _WALK, index=np.int32, value=np.float32)


def _load_matrix(
    folder: Path, name: str, *, index: type[np.integer] = np.int64, value: type[np.floating] = np.float64
) -> csr_array:
    indptr, shape = (_array(folder, f"{name}.{part}", np.int64) for part in ("indptr", "shape"))
    indices, data = _array(folder, f"{name}.indices", index), _array(folder, f"{name}.data", value)
    if shape.shape != (2,) or (shape < 0).any():
        raise GenerationCorrupt(folder.name, f"{name}.shape.npy", "is not two sizes")
    if indptr.shape != (shape[0] + 1,) or indptr[0] != 0 or (np.diff(indptr) < 0).any():
        raise GenerationCorrupt(folder.name, f"{name}.indptr.npy", f"does not divide the entries of {shape[0]} rows")
    if not indices.shape == data.shape == (indptr[-1],) or not _within(indices, int(shape[1])):
        raise GenerationCorrupt(folder.name, f"{name}.indices.npy", f"leads past the {shape[1]} columns, or is cut")
    if not np.isfinite(data).all():
        raise GenerationCorrupt(folder.name, f"{name}.data.npy", "holds a number that is not finite")
    # scipy would copy columns into the wider of the two types.
    return csr_array((data, indices, indptr.astype(index)), shape=(int(shape[0]), int(shape[1])))
