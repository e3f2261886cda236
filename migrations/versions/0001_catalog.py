"""Creates the catalog: artists, tracks and clips, embedding records, and what sources say about artists.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    _create_artists()
    _create_audio()
    _create_records()
    op.create_table(
        "sources",
        sa.Column(
            "name", sa.String(64), nullable=False, comment="who said it: a provider, or the file that was imported"
        ),
        sa.Column("licence", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sources")),
    )
    _create_genres()
    _create_scene()
    _create_collaborations()


def downgrade() -> None:
    """Drop every table; a table that refers to another is dropped before it."""
    op.drop_table("collaborations")
    op.drop_table("scene_edges")
    op.drop_table("scene_lists")
    op.drop_table("artist_genres")
    op.drop_table("sources")
    op.drop_table("generations")
    op.drop_table("extractions")
    op.drop_table("files")
    op.drop_table("clips")
    op.drop_table("tracks")
    op.drop_table("artist_external_ids")
    op.drop_table("artist_names")
    op.drop_table("artists")


def _refer(table: str, column: str, target: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def _create_artists() -> None:
    op.create_table(
        "artists",
        sa.Column("id", sa.String(32), nullable=False, comment="our own id, never derived from the name"),
        sa.Column("name", sa.Text(), nullable=False, comment="preferred spelling"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artists")),
    )
    op.create_table(
        "artist_names",
        sa.Column("artist_id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="a spelling or alias, the preferred one among them"),
        sa.Column("folded", sa.Text(), nullable=False, comment="names.fold(name)"),
        _refer("artist_names", "artist_id", "artists.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("artist_id", "name", name=op.f("pk_artist_names")),
    )
    op.create_index(op.f("ix_artist_names_folded"), "artist_names", ["folded"])
    op.create_table(
        "artist_external_ids",
        sa.Column("namespace", sa.String(32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("artist_id", sa.String(32), nullable=False),
        _refer("artist_external_ids", "artist_id", "artists.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("namespace", "value", name=op.f("pk_artist_external_ids")),
    )
    op.create_index(op.f("ix_artist_external_ids_artist_id"), "artist_external_ids", ["artist_id"])


def _create_audio() -> None:
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
        sa.UniqueConstraint(
            "content_sha256", "start_ms", "length_ms", name=op.f("uq_clips_content_sha256_start_ms_length_ms")
        ),
    )
    op.create_index(op.f("ix_clips_track_id"), "clips", ["track_id"])
    _create_files()


def _create_files() -> None:
    op.create_table(
        "files",
        sa.Column("path", sa.Text(), nullable=False, comment="absolute path"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("content_sha256", sa.String(64)),
        sa.Column("clip_id", sa.String(32), comment="null when rejected"),
        sa.Column("reason", sa.String(64), comment="why it was rejected; null when it gave a clip"),
        sa.Column("detail", sa.Text()),
        _refer("files", "clip_id", "clips.id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_clip_id"), "files", ["clip_id"])


def _create_records() -> None:
    op.create_table(
        "extractions",
        sa.Column("clip_id", sa.String(32), nullable=False),
        sa.Column("space", sa.String(64), nullable=False, comment="Space.key"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), comment="null when done"),
        sa.Column("detail", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('done', 'failed')", name=op.f("ck_extractions_state")),
        _refer("extractions", "clip_id", "clips.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("clip_id", "space", name=op.f("pk_extractions")),
    )
    op.create_index(op.f("ix_extractions_space_state"), "extractions", ["space", "state"])
    op.create_table(
        "generations",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("built_at", sa.String(32), nullable=False, comment="RFC 3339, UTC"),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("artists", sa.Integer(), nullable=False),
        sa.Column("tracks", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.String(32), nullable=False, comment="RFC 3339, UTC"),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_generations")),
        comment="generations that were published, for audit; the file CURRENT says which one is served",
    )


def _create_genres() -> None:
    op.create_table(
        "artist_genres",
        sa.Column("artist_id", sa.String(32), nullable=False),
        sa.Column("genre", sa.Text(), nullable=False, comment="names.fold_genre of what the source said"),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.CheckConstraint("weight > 0", name=op.f("ck_artist_genres_weight")),
        _refer("artist_genres", "artist_id", "artists.id", ondelete="CASCADE"),
        _refer("artist_genres", "source", "sources.name"),
        sa.PrimaryKeyConstraint("artist_id", "genre", "source", name=op.f("pk_artist_genres")),
    )


def _create_scene() -> None:
    op.create_table(
        "scene_lists",
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("artist_id", sa.String(32), nullable=False),
        _refer("scene_lists", "source", "sources.name"),
        _refer("scene_lists", "artist_id", "artists.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source", "artist_id", name=op.f("pk_scene_lists")),
        comment="artists whose list of neighbours a source gave, be it empty: "
        "only these can be 'covered and not listed'",
    )
    op.create_table(
        "scene_edges",
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("artist_id", sa.String(32), nullable=False),
        sa.Column("neighbour_id", sa.String(32), nullable=False),
        sa.Column("rank", sa.Integer(), comment="1 is nearest; null when the source does not say"),
        sa.Column("strength", sa.Double(), comment="as the source gives it; null when it does not"),
        sa.CheckConstraint("artist_id <> neighbour_id", name=op.f("ck_scene_edges_not_self")),
        _refer("scene_edges", "source", "sources.name"),
        _refer("scene_edges", "artist_id", "artists.id", ondelete="CASCADE"),
        _refer("scene_edges", "neighbour_id", "artists.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source", "artist_id", "neighbour_id", name=op.f("pk_scene_edges")),
    )


def _create_collaborations() -> None:
    name = "collaborations"
    op.create_table(
        name,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artist_a", sa.String(32), nullable=False),
        sa.Column("artist_b", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column(
            "title", sa.Text(), nullable=False, comment="evidence: the recording; empty when the source gives none"
        ),
        sa.Column("credited", sa.Integer(), nullable=False, comment="how many artists are credited on it, at least 2"),
        sa.Column("source", sa.String(64), nullable=False),
        sa.CheckConstraint("artist_a < artist_b", name=op.f("ck_collaborations_ordered")),
        _refer(name, "artist_a", "artists.id", ondelete="CASCADE"),
        _refer(name, "artist_b", "artists.id", ondelete="CASCADE"),
        _refer(name, "source", "sources.name"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collaborations")),
        sa.UniqueConstraint(
            "artist_a",
            "artist_b",
            "kind",
            "title",
            "source",
            name=op.f("uq_collaborations_artist_a_artist_b_kind_title_source"),
        ),
    )
    op.create_index(op.f("ix_collaborations_artist_b"), name, ["artist_b"])
