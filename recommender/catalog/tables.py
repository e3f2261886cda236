"""The tables of the catalog database. Vectors are not in it but in the embedding store.

The numbered migrations in ``migrations/versions`` create exactly these tables; ``alembic check`` and a test compare the
two. Only plain SQL types are used, so that SQLite and PostgreSQL have the same schema.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


FILES = "files"
"""The ``source`` of a name or an external id that an audio file gives."""


FACTS_DERIVED = "derived"
"""Key of ``catalog_state``: present while what the catalog says agrees with its files and imports."""


def _loss_columns() -> tuple[Column[int], Column[int]]:
    return (
        Column(
            "losses",
            Integer,
            nullable=False,
            server_default="0",
            comment="decoders it has cost in a row",
        ),
        Column(
            "skip_runs",
            Integer,
            nullable=False,
            server_default="0",
            comment="runs that still pass it over after a loss",
        ),
    )


def _said_by() -> Column[str]:
    return Column(
        "source", String(64), comment="'files', or the import that says so; null in rows older than this column"
    )


def _artist_key(name: str = "artist_id", *, primary_key: bool = False) -> Column[str]:
    reference = ForeignKey("artists.id", ondelete="CASCADE")
    return Column(name, String(32), reference, primary_key=primary_key, nullable=False)


artists = Table(
    "artists",
    metadata,
    Column("id", String(32), primary_key=True, comment="our own id, never derived from the name"),
    Column("name", Text, nullable=False, comment="preferred spelling"),
)

artist_names = Table(
    "artist_names",
    metadata,
    _artist_key(primary_key=True),
    Column("name", Text, primary_key=True, comment="a spelling or alias, the preferred one among them"),
    Column("folded", Text, nullable=False, comment="names.fold(name)"),
    _said_by(),
    Index(None, "folded"),
)

artist_external_ids = Table(
    "artist_external_ids",
    metadata,
    Column("namespace", String(32), primary_key=True),
    Column("value", Text, primary_key=True),
    _artist_key(),
    _said_by(),
    Index(None, "artist_id"),
)

artist_sources = Table(
    "artist_sources",
    metadata,
    _artist_key(primary_key=True),
    Column("source", String(64), primary_key=True),
    Index(None, "source"),
    comment="the imports that name an artist: it stays while there is one",
)

retired_artists = Table(
    "retired_artists",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False, comment="names.fold(name)"),
    Column("external_ids", Text, nullable=False, comment="JSON list of [namespace, value]"),
    Index(None, "folded"),
    comment="artists that no file and no import names any more: one that returns gets its old id",
)

tracks = Table(
    "tracks",
    metadata,
    Column("id", String(32), primary_key=True),
    _artist_key(),
    Column("title", Text, nullable=False),
    Column("folded", Text, nullable=False, comment="names.fold(title)"),
    Column("album", Text),
    Column("album_folded", Text, nullable=False, server_default="", comment="names.fold_release(album), or empty"),
    Column("album_artist", Text),
    Column("disc", Integer),
    Column("number", Integer, comment="track number on its disc"),
    Column("year", Integer),
    Column("length_ms", BigInteger, comment="of the recording, not of its clip"),
    Column("credit", Text, comment="the artists as the file credits them, where that is more than the artist"),
    UniqueConstraint("artist_id", "folded", "album_folded"),
)

clips = Table(
    "clips",
    metadata,
    Column("id", String(32), primary_key=True, comment="hash of sound (or once content), start, length: names.clip_id"),
    Column("track_id", String(32), ForeignKey("tracks.id", ondelete="SET NULL"), comment="null: not published"),
    Column("audio_id", String(80), comment="of its sound without tags; null until a scan has read the file again"),
    Column("content_sha256", String(64), nullable=False, comment="of the file it was first read from"),
    Column("start_ms", BigInteger, nullable=False, comment="where in the file the excerpt starts"),
    Column("length_ms", BigInteger, nullable=False),
    Column("policy", String(32), nullable=False, comment="how the excerpt was chosen"),
    Column("source_path", Text, nullable=False, comment="absolute path it was last seen at"),
    Column("same_as", String(32), comment="the clip with the same sound that stands for this one"),
    Index(None, "track_id"),
    Index(None, "audio_id"),
    Index(None, "content_sha256"),
)

track_copies = Table(
    "track_copies",
    metadata,
    Column("track_id", String(32), ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True),
    Column("clip_id", String(32), ForeignKey("clips.id", ondelete="CASCADE"), nullable=False),
    Column("source_path", Text, nullable=False, comment="absolute path of the file that names the track"),
    Index(None, "clip_id"),
    comment="tracks whose sound is the clip of another track: one recording under two titles or artists",
)

files = Table(
    "files",
    metadata,
    Column("path", Text, primary_key=True, comment="absolute path"),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("ctime_ns", BigInteger, comment="null where no scan has recorded it"),
    Column("content_sha256", String(64)),
    Column("audio_id", String(80)),
    Column("clip_id", String(32), ForeignKey("clips.id", ondelete="SET NULL"), comment="null without a usable sound"),
    Column("reason", String(64), comment="why it is rejected; null when it is part of the catalog"),
    Column("detail", Text),
    *_loss_columns(),
    Column("relative", Text, comment="path inside the scanned folder; null until a scan has recorded it"),
    Column("length_ms", BigInteger, comment="of the whole sound"),
    Column("tags", Text, comment="JSON of FileTags; null until a scan has recorded it"),
    Column("tracklist_row", Text, comment="JSON of RowFacts; null without a row"),
    Column("layout", Text, comment="JSON list of the layouts that were asked for; null for the built-in ones"),
    Column("vanished_at", String(32), comment="RFC 3339, UTC: when a scan first missed it; null while it is there"),
    Index(None, "clip_id"),
)

extractions = Table(
    "extractions",
    metadata,
    Column("clip_id", String(32), ForeignKey("clips.id", ondelete="CASCADE"), primary_key=True),
    Column("space", String(64), primary_key=True, comment="Space.key"),
    Column("state", String(16), nullable=False),
    Column("reason", String(64), comment="null when done"),
    Column("detail", Text),
    Column("attempts", Integer, nullable=False),
    *_loss_columns(),
    CheckConstraint("state IN ('done', 'failed')", name="state"),
    Index(None, "space", "state"),
)

sources = Table(
    "sources",
    metadata,
    Column("name", String(64), primary_key=True, comment="who said it: a provider, or the file that was imported"),
    Column("licence", String(64), nullable=False),
)

artist_genres = Table(
    "artist_genres",
    metadata,
    _artist_key(primary_key=True),
    Column("genre", Text, primary_key=True, comment="names.fold_genre of what the source said"),
    Column("source", String(64), ForeignKey("sources.name"), primary_key=True),
    Column("weight", Double, nullable=False),
    CheckConstraint("weight > 0", name="weight"),
)

artist_popularity = Table(
    "artist_popularity",
    metadata,
    _artist_key(primary_key=True),
    Column("source", String(64), ForeignKey("sources.name"), primary_key=True),
    Column("value", Double, nullable=False, comment="as the source counts: listeners, followers, plays"),
    CheckConstraint("value >= 0", name="value"),
)

scene_lists = Table(
    "scene_lists",
    metadata,
    Column("source", String(64), ForeignKey("sources.name"), primary_key=True),
    _artist_key(primary_key=True),
    comment="artists whose list of neighbours a source gave, be it empty: only these can be 'covered and not listed'",
)

scene_edges = Table(
    "scene_edges",
    metadata,
    Column("source", String(64), ForeignKey("sources.name"), primary_key=True),
    _artist_key(primary_key=True),
    _artist_key("neighbour_id", primary_key=True),
    Column("rank", Integer, comment="1 is nearest; null when the source does not say"),
    Column("strength", Double, comment="as the source gives it; null when it does not"),
    CheckConstraint("artist_id <> neighbour_id", name="not_self"),
)

collaborations = Table(
    "collaborations",
    metadata,
    Column("id", Integer, primary_key=True),
    _artist_key("artist_a"),
    _artist_key("artist_b"),
    Column("kind", String(32), nullable=False),
    Column("title", Text, nullable=False, comment="evidence: the recording; empty when the source gives none"),
    Column("credited", Integer, nullable=False, comment="how many artists are credited on it, at least 2"),
    Column("source", String(64), ForeignKey("sources.name"), nullable=False),
    UniqueConstraint("artist_a", "artist_b", "kind", "title", "source"),
    CheckConstraint("artist_a < artist_b", name="ordered"),
    Index(None, "artist_b"),
)

generations = Table(
    "generations",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("space", String(64), nullable=False),
    Column("built_at", String(32), nullable=False, comment="RFC 3339, UTC"),
    Column("manifest_sha256", String(64), nullable=False),
    Column("artists", Integer, nullable=False),
    Column("tracks", Integer, nullable=False),
    Column("published_at", String(32), nullable=False, comment="RFC 3339, UTC"),
    comment="generations that were published, for audit; the file CURRENT says which one is served",
)

publications = Table(
    "publications",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("action", String(16), nullable=False),
    Column("refusals", Text, nullable=False, comment="what the gate held against it, one a line; empty when nothing"),
    Column("forced_why", Text, comment="why it was published in spite of that; null when it was not"),
    Column("at", String(32), nullable=False, comment="RFC 3339, UTC"),
    CheckConstraint("action IN ('publish', 'rollback', 'refused')", name="action"),
    comment="what was done with which generation, for audit: one row each time",
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(32), nullable=False, comment="nightly"),
    Column("started_at", String(32), nullable=False, comment="RFC 3339, UTC"),
    Column("ended_at", String(32), comment="RFC 3339, UTC; null while it runs, and when it was killed"),
    Column("state", String(16), nullable=False),
    Column("summary", Text, comment="JSON; null while it runs, and when it was killed"),
    CheckConstraint("state IN ('running', 'done', 'failed', 'killed')", name="state"),
    Index(None, "kind", "state"),
)

catalog_edits = Table(
    "catalog_edits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("subject", Text, nullable=False, comment="JSON: what was removed, merged, split or renamed"),
    Column("made_at", String(32), nullable=False, comment="RFC 3339, UTC"),
    Column("undone_at", String(32), comment="RFC 3339, UTC; null while it is in force"),
    CheckConstraint("kind IN ('remove', 'merge', 'split', 'rename')", name="kind"),
    comment="corrections by hand: applied over what files and imports say, until they are undone",
)

catalog_state = Table(
    "catalog_state",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("value", Text, nullable=False),
    comment="of the catalog as a whole; 'derived' is present while its facts agree with its sources",
)
