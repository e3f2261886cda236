"""Imports genres, scenes and collaborations from files into the catalog. Importing a file twice changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from indexer.ingest.import_claims import Claim, ImportReport, SourceName, enter, parsed, permission
from indexer.ingest.scene_map import SceneClaim, read_scene
from indexer.tabular import fields
from indexer.tabular.records import Record, read_records
from recommender.catalog import Catalog
from recommender.catalog.rows import ArtistGenre, Changes, Collaboration, MatchedArtist, SceneEdge, SceneList
from recommender.catalog.upsert import MAX_KIND
from recommender.errors import BadInput
from recommender.names import fold

__all__ = ["ImportReport", "import_collaborations", "import_genres", "import_scene"]


def import_genres(catalog: Catalog, path: Path, *, source: str, licence: str) -> ImportReport:
    """Import a CSV or JSON of ``artist``, ``genre`` (or ``tag``), and where known ``weight`` and ``source``.

    A weight is above 0, 1 when not given, and relative to the other weights of the same source. A cell with several
    genres counts as several rows. A row's own source replaces ``source``, under the same ``licence``. External ids of
    the artist are in ``artist_mbid``, ``artist_spotify`` … or ``artist_external_id:NAMESPACE``, with or without
    ``artist_``.

    A source is added to the catalog with its first valid row. Raises BadInput when the file as a whole cannot be used,
    InvalidArgument when ``source`` is recorded with another licence; in both cases nothing is written.
    """
    rows = read_records(path, required=("artist", "genre|genres|tag"))
    permit = permission(catalog, source, licence)

    def parse(record: Record) -> list[Claim[ArtistGenre]]:
        return _genre_claims(record, partial(permit, fields.text(record, "source") or source))

    return enter(
        catalog,
        parsed(rows, parse),
        key=lambda row: (row.artist_id, row.genre, row.source),
        write=catalog.add_genres,
        source=source,
    )


def import_scene(catalog: Catalog, path: Path, *, source: str, licence: str) -> ImportReport:
    """Import lists of neighbouring artists, as ``source`` gives them.

    A CSV or JSON list of ``artist``, ``similar``, and where known ``strength`` (or ``score``, at least 0) and ``rank``
    (from 1); or a JSON object by artist: a music-map dump, ``{"A": ["B", "C"]}``, or ``{"A": {"B": 0.7}}``. The source
    counts as having a list of every artist in the left column, so that no neighbour then means "not near".

    Raises as :func:`import_genres`.
    """
    source_name = partial(permission(catalog, source, licence), source)
    claims = (_scene_claim(item, source_name) if isinstance(item, SceneClaim) else item for item in read_scene(path))
    return enter(catalog, claims, key=_scene_key, write=partial(_write_scene, catalog), source=source)


def import_collaborations(catalog: Catalog, path: Path, *, source: str, licence: str) -> ImportReport:
    """Import a CSV or JSON of ``artist_a``, ``artist_b``, and where known ``kind``, ``title``, ``credited``.

    ``kind`` is ``joint`` when not given; ``credited`` (or ``n_artists``), how many artists the recording credits, is 2.
    The order of the two artists has no meaning.

    Raises as :func:`import_genres`.
    """
    rows = read_records(path, required=("artist_a", "artist_b"))
    source_name = partial(permission(catalog, source, licence), source)
    return enter(
        catalog,
        parsed(rows, lambda record: [_collaboration_claim(record, source_name)]),
        key=lambda row: (row.artist_a, row.artist_b, row.kind, row.title),
        write=catalog.add_collaborations,
        source=source,
    )


def _genre_claims(record: Record, source_name: SourceName) -> list[Claim[ArtistGenre]]:
    names = fields.genres(record, "genre", "genres", "tag")
    if not names:
        raise BadInput("no_genre", "the row names no genre")
    weight = fields.number(record, "weight")
    if weight == 0:
        raise BadInput("bad_number", "weight must be above 0; leave the row out instead")
    artist = fields.artist(record, "artist", prefixes=("artist_", ""))

    def make(genre: str, artist: MatchedArtist) -> ArtistGenre:
        given = 1.0 if weight is None else weight
        return ArtistGenre(artist_id=artist.artist_id, genre=genre, source=source_name(), weight=given)

    return [Claim(record=record, artists=(artist,), make=partial(make, name)) for name in names]


def _scene_claim(claim: SceneClaim, source_name: SourceName) -> Claim[SceneEdge | SceneList]:
    if claim.neighbour is None:
        return Claim(
            record=claim.record,
            artists=(claim.artist,),
            make=lambda artist: SceneList(source=source_name(), artist_id=artist.artist_id),
        )

    def make(artist: MatchedArtist, neighbour: MatchedArtist) -> SceneEdge:
        _require_two(artist, neighbour)
        return SceneEdge(
            source=source_name(),
            artist_id=artist.artist_id,
            neighbour_id=neighbour.artist_id,
            rank=claim.rank,
            strength=claim.strength,
        )

    return Claim(record=claim.record, artists=(claim.artist, claim.neighbour), make=make)


def _scene_key(row: SceneEdge | SceneList) -> object:
    return (row.artist_id, row.neighbour_id) if isinstance(row, SceneEdge) else row.artist_id


def _write_scene(catalog: Catalog, rows: Sequence[SceneEdge | SceneList]) -> Changes:
    owners = list(dict.fromkeys(row.artist_id for row in rows))
    lists = catalog.add_scene_lists([SceneList(source=rows[0].source, artist_id=owner) for owner in owners])
    states = dict(zip(owners, lists.states, strict=True))
    edges = iter(catalog.add_scene_edges([row for row in rows if isinstance(row, SceneEdge)]).states)
    return Changes(states=tuple(next(edges) if isinstance(row, SceneEdge) else states[row.artist_id] for row in rows))


def _collaboration_claim(record: Record, source_name: SourceName) -> Claim[Collaboration]:
    kind = fold(fields.text(record, "kind") or "joint")
    if len(kind) > MAX_KIND:
        raise BadInput("bad_text", f"a kind has at most {MAX_KIND} characters")
    title = fields.text(record, "title") or ""
    credited = fields.integer(record, "credited", "n_artists", minimum=2) or 2

    def make(one: MatchedArtist, other: MatchedArtist) -> Collaboration:
        _require_two(one, other)
        first, second = sorted((one.artist_id, other.artist_id))
        return Collaboration(
            artist_a=first, artist_b=second, kind=kind, title=title, credited=credited, source=source_name()
        )

    artists = tuple(fields.artist(record, name, prefixes=(f"{name}_",)) for name in ("artist_a", "artist_b"))
    return Claim(record=record, artists=artists, make=make)


def _require_two(one: MatchedArtist, other: MatchedArtist) -> None:
    if one.artist_id == other.artist_id:
        raise BadInput("self_edge", "both names mean the same artist")
