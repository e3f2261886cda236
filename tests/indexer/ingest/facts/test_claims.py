"""What one file claims: its tracklist row before its tags, and the tags before its path."""

from __future__ import annotations

import pytest

from indexer.ingest.facts.claims import FileClaim, known_names, read_claim
from recommender.catalog.file_facts import FileTags, RowFacts
from recommender.catalog.rows import FileRecord
from recommender.errors import BadInput


def record(relative: str, *, tags: FileTags | None = None, row: RowFacts | None = None) -> FileRecord:
    return FileRecord(
        path=f"/music/{relative}", size=1, mtime_ns=1, clip_id="c", relative=relative, tags=tags or FileTags(), row=row
    )


def claim(file: FileRecord, *others: FileRecord, imported: tuple[str, ...] = ()) -> FileClaim:
    return read_claim(file, known_names((file, *others), imported))


def who(read: FileClaim) -> list[tuple[str, bool]]:
    return [(credited.ref.name, credited.featured) for credited in read.credits]


def test_a_row_comes_before_tags_and_tags_before_the_path() -> None:
    tags = FileTags(artists=("Tagged",), title="Tag", album="Tag album", genres=("Rock/Pop",), number=3, year=1999)
    row = RowFacts(artist="Rowed", title="Row", album="Row album", genres=("jazz",))
    by_row = claim(record("Pathed/Path.mp3", tags=tags, row=row))
    assert (who(by_row), by_row.title, by_row.album, by_row.genres) == (
        [("Rowed", False)],
        "Row",
        "Row album",
        ("jazz",),
    )
    by_tags = claim(record("Pathed/Path.mp3", tags=tags))
    assert (who(by_tags), by_tags.title, by_tags.album) == ([("Tagged", False)], "Tag", "Tag album")
    assert (by_tags.genres, by_tags.number, by_tags.year) == (("rock", "pop"), 3, 1999)
    by_path = claim(record("Pathed/An Album/07 - Path.mp3"))
    assert (who(by_path), by_path.title, by_path.album) == ([("Pathed", False)], "Path", "An Album")
    assert by_path.number == 7


def test_a_row_without_genres_leaves_those_of_the_tags() -> None:
    read = claim(record("a.mp3", tags=FileTags(genres=("Rock",)), row=RowFacts(artist="Low")))
    assert (read.genres, read.genre_source) == (("rock",), "tags")


def test_a_joint_credit_is_cut_only_where_other_files_or_imports_know_both() -> None:
    joint = record("a.mp3", tags=FileTags(artists=("Alpha & Beta",), title="One"))
    alpha = record("b.mp3", tags=FileTags(artists=("Alpha",), title="Two"))
    assert who(claim(joint, alpha)) == [("Alpha & Beta", False)]
    both = claim(joint, alpha, imported=("Beta",))
    assert who(both) == [("Alpha", False), ("Beta", False)]
    assert both.credit == "Alpha & Beta"


def test_a_guest_is_featured_and_the_credit_is_kept_as_it_was_written() -> None:
    read = claim(record("a.mp3", tags=FileTags(artists=("Alpha feat. Beta",), title="One")))
    assert (who(read), read.credit) == ([("Alpha", False), ("Beta", True)], "Alpha feat. Beta")


def test_a_placeholder_in_row_and_tags_leaves_the_path_and_in_all_three_nobody() -> None:
    tags, row = FileTags(artists=("Unknown Artist",), title="One"), RowFacts(artist="Various Artists")
    assert who(claim(record("Low - One.mp3", tags=tags, row=row))) == [("Low", False)]
    with pytest.raises(BadInput, match="no_artist"):
        claim(record("Various Artists/One.mp3", tags=tags, row=row))


def test_ids_are_compared_without_case() -> None:
    mbid = "83D91898-7763-47D7-B03B-B92132375C47"
    (credited,) = claim(record("a.mp3", tags=FileTags(artists=("Low",), artist_ids=(mbid,), title="One"))).credits
    assert credited.ref.external_ids == (("mbid", mbid.lower()),)
