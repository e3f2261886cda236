"""Makes the contents of a generation other than vectors (names, ids, tracks, relations) from the catalog rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.stats import rankdata

from indexer.build.calibration.averages import ClipsByTrack, int64
from indexer.build.catalog_rows import CatalogRows
from indexer.build.scene_walk import scene_graph, scene_walk
from recommender.array_files import TextColumn
from recommender.catalog.rows import ArtistGenre, ArtistPopularity, Collaboration, SceneEdge, SceneList, Track
from recommender.generation.contents import (
    ArtistColumns,
    Contents,
    Digests,
    Events,
    Relations,
    TrackColumns,
    TrackDetails,
    TrackFacts,
    digest_of,
)
from recommender.signals.collaboration import BASE, similarity
from recommender.types import Rows, Similarities

ArtistRows = Mapping[str, int]
"""Artist id -> row."""


def genre_matrix(rows: Iterable[ArtistGenre], artists: ArtistRows) -> tuple[TextColumn, csr_array]:
    """Genre names in order, and ``[artist, genre]`` weights in (0, 1].

    For each artist and source the largest weight becomes 1, because sources use different scales (tag counts, votes,
    ones). The weight of a genre is the mean over the sources that give the artist any genre, so a genre that only one
    of two sources gives counts half.
    """
    by_source: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows:
        by_source[row.artist_id, row.source][row.genre] = row.weight
    totals: defaultdict[tuple[int, str], float] = defaultdict(float)
    sources: defaultdict[int, int] = defaultdict(int)
    for (artist_id, _), weights in by_source.items():
        sources[artists[artist_id]] += 1
        largest = max(weights.values())
        for genre, weight in weights.items():
            totals[artists[artist_id], genre] += weight / largest
    names = sorted({genre for _, genre in totals})
    column = {name: place for place, name in enumerate(names)}
    entries = [(artist, column[genre], total / sources[artist]) for (artist, genre), total in totals.items()]
    return TextColumn.of(names), _matrix(entries, (len(artists), len(names)))


def popularity_percentiles(rows: Iterable[ArtistPopularity], artists: ArtistRows) -> Similarities | None:
    """``[artist]`` percentile in [0, 1] of the given popularity, NaN where none is given; None without any row.

    For each source the mid-rank percentile among the artists that it knows, then the mean over the sources: one counts
    listeners, another followers, so their numbers cannot be compared, but their orders can.
    """
    by_source: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        by_source[row.source].append((artists[row.artist_id], row.value))
    total, sources = np.zeros(len(artists)), np.zeros(len(artists))
    for entries in by_source.values():
        owners = np.array([owner for owner, _ in entries])
        total[owners] += (rankdata([value for _, value in entries]) - 0.5) / len(entries)
        sources[owners] += 1
    return np.divide(total, sources, out=np.full(len(artists), np.nan), where=sources > 0) if by_source else None


def scene_matrix(edges: Iterable[SceneEdge], artists: ArtistRows) -> csr_array:
    """``[artist, artist]`` strengths in (0, 1], symmetric: the larger of the two directions, over all sources.

    A strength is divided by the largest of the same list, because the scale of music-map differs from page to page. A
    list with ranks only gives 1 / log2(1 + rank), the usual discount of DCG.
    """
    lists: defaultdict[tuple[str, str], list[SceneEdge]] = defaultdict(list)
    for edge in edges:
        lists[edge.source, edge.artist_id].append(edge)
    strongest: defaultdict[tuple[int, int], float] = defaultdict(float)
    for entries in lists.values():
        for edge, strength in zip(entries, _strengths(entries), strict=True):
            a, b = artists[edge.artist_id], artists[edge.neighbour_id]
            for pair in ((a, b), (b, a)):
                strongest[pair] = max(strongest[pair], strength)
    return _matrix([(a, b, value) for (a, b), value in strongest.items() if value > 0], (len(artists),) * 2)


def _strengths(edges: Sequence[SceneEdge]) -> list[float]:
    """One strength in [0, 1] for each edge of a list.

    In a list with strengths, an entry without one gets the smallest of the list. In a list without strengths, the rank
    decides; without ranks all edges have strength 1.
    """
    given = [edge.strength for edge in edges if edge.strength is not None]
    if not given:
        return [float(1.0 / np.log2(1 + edge.rank)) if edge.rank else 1.0 for edge in edges]
    largest, smallest = max(given), min(given)
    if largest <= 0:
        return [0.0] * len(edges)
    return [(smallest if edge.strength is None else edge.strength) / largest for edge in edges]


def scene_flags(
    lists: Iterable[SceneList], edges: Iterable[SceneEdge], artists: ArtistRows
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """``[artist]`` is in some scene list, and ``[artist]`` has a scene list of its own."""
    mentioned, listed = np.zeros(len(artists), dtype=bool), np.zeros(len(artists), dtype=bool)
    for row in lists:
        listed[artists[row.artist_id]] = True
    for edge in edges:
        mentioned[[artists[edge.artist_id], artists[edge.neighbour_id]]] = True
    return mentioned | listed, listed


def collaboration_matrix(rows: Iterable[Collaboration], artists: ArtistRows) -> tuple[csr_array, npt.NDArray[np.bool_]]:
    """``[artist, artist]`` similarities, and ``[artist]`` with any collaboration.

    The weight of an event is the base of its kind divided by the number of other credited artists: a duet says more
    about two artists than a charity choir.
    """
    weights: defaultdict[tuple[int, int], float] = defaultdict(float)
    known = np.zeros(len(artists), dtype=bool)
    for row in rows:
        a, b = artists[row.artist_a], artists[row.artist_b]
        known[[a, b]] = True
        for pair in ((a, b), (b, a)):
            weights[pair] += BASE.get(row.kind, BASE["joint"]) / max(1, row.credited - 1)
    matrix = _matrix([(a, b, weight) for (a, b), weight in weights.items()], (len(artists),) * 2)
    return similarity(matrix), known


def events(rows: Iterable[Collaboration], artists: ArtistRows) -> Events:
    """The collaborations, for explanations, sorted by artist rows, then kind and title."""
    ordered = sorted((artists[row.artist_a], artists[row.artist_b], row.kind, row.title) for row in rows)
    return Events(
        artist_a=np.array([a for a, *_ in ordered], dtype=np.int64),
        artist_b=np.array([b for _, b, *_ in ordered], dtype=np.int64),
        kinds=TextColumn.of(kind for *_, kind, _ in ordered),
        titles=TextColumn.of(title for *_, title in ordered),
    )


def _matrix(entries: Sequence[tuple[int, int, float]], shape: tuple[int, int]) -> csr_array:
    rows, columns, values = zip(*sorted(entries), strict=True) if entries else ((), (), ())
    where = (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))
    matrix = csr_array(coo_array((np.array(values, dtype=np.float64), where), shape=shape))
    matrix.sort_indices()
    return matrix


def make_contents(data: CatalogRows, artists: Mapping[str, int], *, clips: ClipsByTrack) -> Contents:
    """Names, ids, tracks and relation matrices. ``artists``: id -> row of every artist."""
    return Contents(
        artists=_artist_columns(data, artists, clips),
        tracks=_track_columns(data, artists, clips),
        relations=_relations(data, artists),
        details=TrackDetails.of([track_facts(track) for track in data.tracks]),
    )


def _artist_columns(data: CatalogRows, artists: Mapping[str, int], clips: ClipsByTrack) -> ArtistColumns:
    embedded = {track.artist_id for track in data.tracks if track.id in clips}
    return ArtistColumns(
        ids=TextColumn.of(artist.id for artist in data.artists),
        names=TextColumn.of(artist.name for artist in data.artists),
        vector_row=_dense(artist.id in embedded for artist in data.artists),
        spellings=TextColumn.of(name.name for name in data.names),
        spelling_artist=int64(artists[name.artist_id] for name in data.names),
        external_namespaces=TextColumn.of(item.namespace for item in data.external_ids),
        external_values=TextColumn.of(item.value for item in data.external_ids),
        external_artist=int64(artists[item.artist_id] for item in data.external_ids),
        popularity=popularity_percentiles(data.popularity, artists),
    )


def _track_columns(data: CatalogRows, artists: Mapping[str, int], clips: ClipsByTrack) -> TrackColumns:
    return TrackColumns(
        ids=TextColumn.of(track.id for track in data.tracks),
        titles=TextColumn.of(track.title for track in data.tracks),
        artist=int64(artists[track.artist_id] for track in data.tracks),
        vector_row=_dense(track.id in clips for track in data.tracks),
        clips=int64(len(clips.get(track.id, ())) for track in data.tracks),
        clips_digest=digests(clips.get(track.id, ()) for track in data.tracks),
    )


def track_facts(track: Track) -> TrackFacts:
    """What the file of ``track`` says, in values that a reply can carry.

    A path with bytes that are not UTF-8 cannot be written in a reply or a playlist, so it is left out.
    """
    return TrackFacts(
        album=track.album,
        album_artist=track.album_artist,
        credit=track.credit,
        path=track.path if _is_unicode(track.path) else "",
        length_ms=_counted(track.length_ms),
        year=_counted(track.year),
        disc=_counted(track.disc),
        number=_counted(track.number),
    )


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _counted(number: int) -> int:
    """``number``, or 0 for what no tag can mean: below 0, or more than fits in 31 bits."""
    return number if 0 <= number < 1 << 31 else 0


def digests(clips: Iterator[tuple[str, ...]]) -> Digests:
    """``[track, 16]`` digests of the clips of each track, by which an incremental build finds unchanged tracks."""
    return np.frombuffer(b"".join(map(digest_of, clips)), dtype=np.uint8).reshape(-1, 16)


def _relations(data: CatalogRows, artists: Mapping[str, int]) -> Relations:
    genres, genre_weights = genre_matrix(data.genres, artists)
    mentioned, listed = scene_flags(data.scene_lists, data.scene_edges, artists)
    collaborations, known = collaboration_matrix(data.collaborations, artists)
    return Relations(
        genres=genres,
        genre_weights=genre_weights,
        scene_strengths=scene_matrix(data.scene_edges, artists),
        scene_mentioned=mentioned,
        scene_listed=listed,
        collaborations=collaborations,
        collaboration_known=known,
        events=events(data.collaborations, artists),
        scene_walk=scene_walk(scene_graph(data.scene_edges, artists)),
    )


def _dense(present: Iterator[bool]) -> Rows:
    """Number the True entries from 0 in order; -1 for the others.

    >>> _dense(iter([True, False, True])).tolist()
    [0, -1, 1]
    """
    flags = np.fromiter(present, dtype=bool)
    return np.where(flags, np.cumsum(flags) - 1, -1).astype(np.int64)
