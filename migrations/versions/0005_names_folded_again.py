"""Folds names and titles again, because folding treats more spellings as one, and joins what became one by that.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

from recommender.names import fold

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Fold every name and title again."""
    _fold_again()


def downgrade() -> None:
    """Do nothing: an older program folds names less, and finds what is folded more."""


def _fold_again() -> None:
    connection = op.get_bind()
    names = sa.table("artist_names", sa.column("artist_id"), sa.column("name"), sa.column("folded"))
    rows = connection.execute(sa.select(names)).all()
    changed = [
        {"artist": artist_id, "given": name, "now": fold(name)}
        for artist_id, name, folded in rows
        if fold(name) != folded
    ]
    if changed:
        here = (names.c.artist_id == sa.bindparam("artist"), names.c.name == sa.bindparam("given"))
        connection.execute(names.update().where(*here).values(folded=sa.bindparam("now")), changed)
        _join_artists({row["now"] for row in changed})
    _fold_titles_again()


def _fold_titles_again() -> None:
    """Fold titles again; of an artist's titles that are one now, the track with the smallest id stays."""
    connection = op.get_bind()
    tracks = sa.table("tracks", sa.column("id"), sa.column("artist_id"), sa.column("title"), sa.column("folded"))
    first: dict[tuple[str, str], str] = {}
    doubles: dict[str, str] = {}
    changed: list[dict[str, str]] = []
    for identifier, artist_id, title, folded in connection.execute(sa.select(tracks).order_by(tracks.c.id)).all():
        now = fold(title)
        stays = first.setdefault((artist_id, now), identifier)
        if stays != identifier:
            doubles[identifier] = stays
        elif now != folded:
            changed.append({"track": identifier, "now": now})
    _move_clips(doubles)  # before any title changes: a track that goes may still have the title that another gets
    if changed:
        here = tracks.c.id == sa.bindparam("track")
        # No two tracks may have one key on the way, so all of them leave their old titles first.
        connection.execute(tracks.update().where(here).values(folded=sa.literal("\x1f") + tracks.c.id), changed)
        connection.execute(tracks.update().where(here).values(folded=sa.bindparam("now")), changed)


def _join_artists(folded: set[str]) -> None:
    """Make one artist of those whose names differed in quotes, hyphens or invisible marks only.

    Only artists whose external ids do not contradict each other: others are two artists of one name.
    """
    connection = op.get_bind()
    names = sa.table("artist_names", sa.column("artist_id"), sa.column("name"), sa.column("folded"))
    ids = sa.table("artist_external_ids", sa.column("artist_id"), sa.column("namespace"), sa.column("value"))
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for artist_id, name in connection.execute(sa.select(names.c.artist_id, names.c.folded)).all():
        if name in folded:
            owners[name].add(artist_id)
    external: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for artist_id, namespace, value in connection.execute(sa.select(ids)).all():
        external[artist_id][namespace] = value
    joined: dict[str, str] = {}
    for _, alike in sorted(owners.items()):
        stays, *others = sorted({joined.get(artist, artist) for artist in alike})
        for other in others:
            if all(external[stays].get(space, value) == value for space, value in external[other].items()):
                _join(other, stays)
                joined[other] = stays
                external[stays] |= external[other]


_COLUMNS_OF_ARTISTS = {
    "artist_names": ("artist_id",),
    "artist_external_ids": ("artist_id",),
    "artist_genres": ("artist_id",),
    "scene_lists": ("artist_id",),
    "scene_edges": ("artist_id", "neighbour_id"),
    "collaborations": ("artist_a", "artist_b"),
    "tracks": ("artist_id",),
}
"""Every column that refers to an artist."""


def _join(gone: str, stays: str) -> None:
    """Let every row of one artist be of another; rows that are there already are not doubled."""
    connection = op.get_bind()
    for name, columns in _COLUMNS_OF_ARTISTS.items():
        table = sa.Table(name, sa.MetaData(), autoload_with=connection)
        mine = sa.or_(*(table.c[column] == gone for column in columns))
        rows = [dict(row) for row in connection.execute(sa.select(table).where(mine)).mappings()]
        for row in rows:
            changed = row | {column: stays for column in columns if row[column] == gone}
            if name == "collaborations":
                changed["artist_a"], changed["artist_b"] = sorted((changed["artist_a"], changed["artist_b"]))
            _replace(table, row, changed, columns)
    connection.execute(sa.table("artists", sa.column("id")).delete().where(sa.column("id") == gone))


def _replace(table: sa.Table, row: dict[str, object], changed: dict[str, object], columns: tuple[str, ...]) -> None:
    """Write a row with its other artist, unless it would be a pair of one artist with itself, or is there already."""
    connection = op.get_bind()
    unique = [item for item in table.constraints if isinstance(item, sa.UniqueConstraint)]
    keys = [[column.name for column in item.columns] for item in (table.primary_key, *unique)]
    here = sa.and_(*(table.c[name] == row[name] for name in keys[0]))
    if table.name == "tracks":
        same = sa.and_(*(table.c[name] == changed[name] for name in keys[-1]))
        other = connection.scalar(sa.select(table.c.id).where(same, table.c.id != row["id"]))
        if other is not None:
            _move_clips({str(row["id"]): other})
            return
    if len({changed[column] for column in columns}) < len(columns):
        connection.execute(table.delete().where(here))
        return
    for names in keys:
        same = sa.and_(*(table.c[name] == changed[name] for name in names))
        is_other = any(changed[name] != row[name] for name in names)
        if is_other and connection.execute(sa.select(table).where(same)).first():
            connection.execute(table.delete().where(here))
            return
    connection.execute(table.update().where(here).values({column: changed[column] for column in columns}))


def _move_clips(tracks: dict[str, str]) -> None:
    """Move the clips of each track to another, and delete the track."""
    connection = op.get_bind()
    clips, table = sa.table("clips", sa.column("track_id")), sa.table("tracks", sa.column("id"))
    for old, new in tracks.items():
        connection.execute(clips.update().where(clips.c.track_id == old).values(track_id=new))
        connection.execute(table.delete().where(table.c.id == old))
