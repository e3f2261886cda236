"""Keeps what each file says beside it: the sound's own identity, tags, tracklist rows, albums, edits by hand.

The tables of tracks, clips, files and extractions are made again, because SQLite can neither drop a constraint nor let
a column be null. Their rows are copied aside first and the tables are dropped children first, so that no row is deleted
by a foreign key.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_REMADE = ("extractions", "files", "clips", "tracks")
"""Children before the tables that they refer to."""

_OLD = {
    "tracks": "id, artist_id, title, folded",
    "clips": "id, track_id, content_sha256, start_ms, length_ms, policy, source_path",
    "files": "path, size, mtime_ns, content_sha256, clip_id, reason, detail, losses, skip_runs",
    "extractions": "clip_id, space, state, reason, detail, attempts, losses, skip_runs",
}
"""Columns before this migration, in the order in which the tables are filled again."""

_SAID_BY = "'files', or the import that says so; null in rows older than this column"
_LOSSES = "decoders it has cost in a row"
_SKIP_RUNS = "runs that still pass it over after a loss"


def upgrade() -> None:
    """Make the audio tables again with the new columns, and create the new tables."""
    for table in ("artist_names", "artist_external_ids"):
        op.add_column(table, sa.Column("source", sa.String(64), comment=_SAID_BY))
    _set_aside()
    _create_tracks()
    _create_clips()
    _create_files()
    _create_extractions()
    _put_back()
    _create_copies()
    _create_artist_sources()
    _create_retired()
    _create_popularity()
    _create_edits()


def downgrade() -> None:
    """Drop the new tables and columns. Clips that belong to no track are lost, and of equal titles one stays."""
    op.drop_index(op.f("ix_track_copies_clip_id"), table_name="track_copies")
    op.drop_table("track_copies")
    op.drop_table("catalog_state")
    op.drop_table("catalog_edits")
    op.drop_table("artist_popularity")
    op.drop_index(op.f("ix_retired_artists_folded"), table_name="retired_artists")
    op.drop_table("retired_artists")
    op.drop_index(op.f("ix_artist_sources_source"), table_name="artist_sources")
    op.drop_table("artist_sources")
    _join_equal_titles()
    op.execute(sa.text("DELETE FROM clips WHERE track_id IS NULL"))
    _set_aside()
    _create_tracks_of_0003()
    _create_clips_of_0003()
    _create_files_of_0003()
    _create_extractions()
    _put_back()
    for table in ("artist_names", "artist_external_ids"):
        op.drop_column(table, "source")


def _refer(table: str, column: str, target: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def _set_aside() -> None:
    for table in _REMADE:
        op.execute(sa.text(f"CREATE TABLE moved_{table} AS SELECT {_OLD[table]} FROM {table}"))  # noqa: S608, constants
        op.drop_table(table)


def _put_back() -> None:
    for table, columns in _OLD.items():
        insertion = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM moved_{table}"  # noqa: S608, constants
        op.execute(sa.text(insertion))
        op.drop_table(f"moved_{table}")


def _create_tracks() -> None:
    op.create_table(
        "tracks",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("artist_id", sa.String(32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False, comment="names.fold(title)"),
        sa.Column("album", sa.Text()),
        sa.Column(
            "album_folded",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="names.fold_release(album), or empty",
        ),
        sa.Column("album_artist", sa.Text()),
        sa.Column("disc", sa.Integer()),
        sa.Column("number", sa.Integer(), comment="track number on its disc"),
        sa.Column("year", sa.Integer()),
        sa.Column("length_ms", sa.BigInteger(), comment="of the recording, not of its clip"),
        sa.Column(
            "credit", sa.Text(), comment="the artists as the file credits them, where that is more than the artist"
        ),
        _refer("tracks", "artist_id", "artists.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracks")),
        sa.UniqueConstraint(
            "artist_id", "folded", "album_folded", name=op.f("uq_tracks_artist_id_folded_album_folded")
        ),
    )


def _create_clips() -> None:
    op.create_table(
        "clips",
        sa.Column(
            "id",
            sa.String(32),
            nullable=False,
            comment="hash of sound (or once content), start, length: names.clip_id",
        ),
        sa.Column("track_id", sa.String(32), comment="null: not published"),
        sa.Column(
            "audio_id",
            sa.String(80),
            comment="of its sound without tags; null until a scan has read the file again",
        ),
        sa.Column("content_sha256", sa.String(64), nullable=False, comment="of the file it was first read from"),
        sa.Column("start_ms", sa.BigInteger(), nullable=False, comment="where in the file the excerpt starts"),
        sa.Column("length_ms", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.String(32), nullable=False, comment="how the excerpt was chosen"),
        sa.Column("source_path", sa.Text(), nullable=False, comment="absolute path it was last seen at"),
        sa.Column("same_as", sa.String(32), comment="the clip with the same sound that stands for this one"),
        _refer("clips", "track_id", "tracks.id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clips")),
    )
    for column in ("track_id", "audio_id", "content_sha256"):
        op.create_index(op.f(f"ix_clips_{column}"), "clips", [column])


def _create_files() -> None:
    op.create_table(
        "files",
        sa.Column("path", sa.Text(), nullable=False, comment="absolute path"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("ctime_ns", sa.BigInteger(), comment="null where no scan has recorded it"),
        sa.Column("content_sha256", sa.String(64)),
        sa.Column("audio_id", sa.String(80)),
        sa.Column("clip_id", sa.String(32), comment="null without a usable sound"),
        sa.Column("reason", sa.String(64), comment="why it is rejected; null when it is part of the catalog"),
        sa.Column("detail", sa.Text()),
        sa.Column("losses", sa.Integer(), nullable=False, server_default="0", comment=_LOSSES),
        sa.Column("skip_runs", sa.Integer(), nullable=False, server_default="0", comment=_SKIP_RUNS),
        sa.Column("relative", sa.Text(), comment="path inside the scanned folder; null until a scan has recorded it"),
        sa.Column("length_ms", sa.BigInteger(), comment="of the whole sound"),
        sa.Column("tags", sa.Text(), comment="JSON of FileTags; null until a scan has recorded it"),
        sa.Column("tracklist_row", sa.Text(), comment="JSON of RowFacts; null without a row"),
        sa.Column(
            "layout", sa.Text(), comment="JSON list of the layouts that were asked for; null for the built-in ones"
        ),
        sa.Column(
            "vanished_at",
            sa.String(32),
            comment="RFC 3339, UTC: when a scan first missed it; null while it is there",
        ),
        _refer("files", "clip_id", "clips.id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_clip_id"), "files", ["clip_id"])


def _create_extractions() -> None:
    op.create_table(
        "extractions",
        sa.Column("clip_id", sa.String(32), nullable=False),
        sa.Column("space", sa.String(64), nullable=False, comment="Space.key"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), comment="null when done"),
        sa.Column("detail", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False, server_default="0", comment=_LOSSES),
        sa.Column("skip_runs", sa.Integer(), nullable=False, server_default="0", comment=_SKIP_RUNS),
        sa.CheckConstraint("state IN ('done', 'failed')", name=op.f("ck_extractions_state")),
        _refer("extractions", "clip_id", "clips.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("clip_id", "space", name=op.f("pk_extractions")),
    )
    op.create_index(op.f("ix_extractions_space_state"), "extractions", ["space", "state"])


def _create_copies() -> None:
    name = "track_copies"
    op.create_table(
        name,
        sa.Column("track_id", sa.String(32), nullable=False),
        sa.Column("clip_id", sa.String(32), nullable=False),
        sa.Column("source_path", sa.Text(), nullable=False, comment="absolute path of the file that names the track"),
        _refer(name, "track_id", "tracks.id", ondelete="CASCADE"),
        _refer(name, "clip_id", "clips.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("track_id", name=op.f("pk_track_copies")),
        comment="tracks whose sound is the clip of another track: one recording under two titles or artists",
    )
    op.create_index(op.f("ix_track_copies_clip_id"), name, ["clip_id"])


def _create_artist_sources() -> None:
    name = "artist_sources"
    op.create_table(
        name,
        sa.Column("artist_id", sa.String(32), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        _refer(name, "artist_id", "artists.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("artist_id", "source", name=op.f("pk_artist_sources")),
        comment="the imports that name an artist: it stays while there is one",
    )
    op.create_index(op.f("ix_artist_sources_source"), name, ["source"])


def _create_retired() -> None:
    op.create_table(
        "retired_artists",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False, comment="names.fold(name)"),
        sa.Column("external_ids", sa.Text(), nullable=False, comment="JSON list of [namespace, value]"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retired_artists")),
        comment="artists that no file and no import names any more: one that returns gets its old id",
    )
    op.create_index(op.f("ix_retired_artists_folded"), "retired_artists", ["folded"])


def _create_popularity() -> None:
    name = "artist_popularity"
    op.create_table(
        name,
        sa.Column("artist_id", sa.String(32), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("value", sa.Double(), nullable=False, comment="as the source counts: listeners, followers, plays"),
        sa.CheckConstraint("value >= 0", name=op.f("ck_artist_popularity_value")),
        _refer(name, "artist_id", "artists.id", ondelete="CASCADE"),
        _refer(name, "source", "sources.name"),
        sa.PrimaryKeyConstraint("artist_id", "source", name=op.f("pk_artist_popularity")),
    )


def _create_edits() -> None:
    op.create_table(
        "catalog_edits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="JSON: what was removed, merged, split or renamed"),
        sa.Column("made_at", sa.String(32), nullable=False, comment="RFC 3339, UTC"),
        sa.Column("undone_at", sa.String(32), comment="RFC 3339, UTC; null while it is in force"),
        sa.CheckConstraint("kind IN ('remove', 'merge', 'split', 'rename')", name=op.f("ck_catalog_edits_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_edits")),
        comment="corrections by hand: applied over what files and imports say, until they are undone",
    )
    op.create_table(
        "catalog_state",
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_catalog_state")),
        comment="of the catalog as a whole; 'derived' is present while its facts agree with its sources",
    )


def _move_clips(tracks: dict[str, str]) -> None:
    """Move the clips of each track to another, and delete the track."""
    connection = op.get_bind()
    clips, table = sa.table("clips", sa.column("track_id")), sa.table("tracks", sa.column("id"))
    for old, new in tracks.items():
        connection.execute(clips.update().where(clips.c.track_id == old).values(track_id=new))
        connection.execute(table.delete().where(table.c.id == old))


def _join_equal_titles() -> None:
    tracks = sa.table("tracks", sa.column("id"), sa.column("artist_id"), sa.column("folded"))
    first: dict[tuple[str, str], str] = {}
    doubles: dict[str, str] = {}
    for identifier, artist_id, folded in op.get_bind().execute(sa.select(tracks).order_by(tracks.c.id)).all():
        stays = first.setdefault((artist_id, folded), identifier)
        if stays != identifier:
            doubles[identifier] = stays
    _move_clips(doubles)


def _create_tracks_of_0003() -> None:
    op.create_table(
        "tracks",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("artist_id", sa.String(32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False, comment="names.fold(title)"),
        _refer("tracks", "artist_id", "artists.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracks")),
        sa.UniqueConstraint("artist_id", "folded", name=op.f("uq_tracks_artist_id_folded")),
    )


def _create_clips_of_0003() -> None:
    op.create_table(
        "clips",
        sa.Column("id", sa.String(32), nullable=False, comment="hash of content, start and length: names.clip_id"),
        sa.Column("track_id", sa.String(32), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False, comment="where in the file the excerpt starts"),
        sa.Column("length_ms", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.String(32), nullable=False, comment="how the excerpt was chosen"),
        sa.Column("source_path", sa.Text(), nullable=False, comment="absolute path it was last seen at"),
        _refer("clips", "track_id", "tracks.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clips")),
    )
    op.create_index(op.f("ix_clips_track_id"), "clips", ["track_id"])


def _create_files_of_0003() -> None:
    op.create_table(
        "files",
        sa.Column("path", sa.Text(), nullable=False, comment="absolute path"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("content_sha256", sa.String(64)),
        sa.Column("clip_id", sa.String(32), comment="null when rejected"),
        sa.Column("reason", sa.String(64), comment="why it was rejected; null when it gave a clip"),
        sa.Column("detail", sa.Text()),
        sa.Column("losses", sa.Integer(), nullable=False, server_default="0", comment=_LOSSES),
        sa.Column("skip_runs", sa.Integer(), nullable=False, server_default="0", comment=_SKIP_RUNS),
        _refer("files", "clip_id", "clips.id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_clip_id"), "files", ["clip_id"])
