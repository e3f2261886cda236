"""Manifests: which rows are good, and the line and reason of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.ingest.tracklist import Tracklist, TracklistMatch, match, read_tracklist
from indexer.ingest.walk_folder import walk
from recommender.errors import BadInput

SHARED = Path(__file__).resolve().parents[3].parent / "shared"


def reasons(tracklist: Tracklist) -> list[tuple[int | None, str]]:
    return [(row.line, row.reason) for row in tracklist.rejected]


def read(tmp_path: Path, content: str | bytes, name: str = "tracklist.csv") -> Tracklist:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_tracklist(path)


def test_a_row_says_artist_title_genres_and_ids(tmp_path: Path) -> None:
    header = "\ufeffFile,Artist,Title,Genre,MBID,external_id:Bandcamp,bpm\r\n"
    tracklist = read(tmp_path, header + 'in/a.ogg,"Crosby, Stills",Ohio,Folk; Hip-Hop|folk,AB,cs,120\r\n')
    row = tracklist.rows["in/a.ogg"]
    assert tracklist.rejected == ()
    assert (row.artist.name, row.title, row.genres) == ("Crosby, Stills", "Ohio", ("folk", "hip hop"))
    assert row.artist.external_ids == (("mbid", "AB"), ("bandcamp", "cs"))


def test_json_lines_take_lists_and_numbers(tmp_path: Path) -> None:
    first = '{"file": "./a.ogg", "artist": 311, "genres": ["Rap", "Ska"]}'
    second = '{"file": "b.ogg", "artist": "Low", "genre": null}'
    tracklist = read(tmp_path, f"{first}\n\n{second}\n", "m.jsonl")
    assert (tracklist.rows["a.ogg"].artist.name, tracklist.rows["a.ogg"].genres) == ("311", ("rap", "ska"))
    assert tracklist.rows["b.ogg"].genres is None


def test_a_json_list_in_a_csv_cell_is_a_list(tmp_path: Path) -> None:
    tracklist = read(tmp_path, 'file,artist,genres\na.ogg,Low,"[""Slowcore"", ""Rock; Roll""]"\n')
    assert tracklist.rows["a.ogg"].genres == ("slowcore", "rock", "roll"), "items are cut like any text"


def test_a_formula_is_text(tmp_path: Path) -> None:
    tracklist = read(tmp_path, "file,artist,title\na.ogg,=cmd|' /C calc'!A0,@SUM(1+1)\n")
    assert (tracklist.rows["a.ogg"].artist.name, tracklist.rows["a.ogg"].title) == ("=cmd|' /C calc'!A0", "@SUM(1+1)")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b",Low,x", "no_file"),
        (b"b.ogg,,x", "no_artist"),
        (b"b.ogg, \t ,x", "no_artist"),
        (b"a.ogg,Mono,x", "duplicate_row"),
        (b"./a.ogg,Mono,x", "duplicate_row"),
        (b"in\\..\\..\\b.ogg,Low,x", "outside_folder"),
        (b"in/../../b.ogg,Low,x", "outside_folder"),
        (b"b.ogg,Low,x,y,z", "too_many_columns"),
        (b"b.ogg,L\0w,x", "nul_bytes"),
        (b"b.ogg,Beyonc\xe9,x", "bad_encoding"),
        (b"b.ogg,Low,\x1b[2Jx", "bad_text"),
        (b'b.ogg,"Low,x', "bad_csv"),
        (b'b.ogg,"Low" end,x', "bad_csv"),
    ],
)
def test_a_bad_row_has_its_line_and_reason_and_the_others_go_on(tmp_path: Path, line: bytes, reason: str) -> None:
    tracklist = read(
        tmp_path, b"file,artist,title\na.ogg,Low,Words\n" + line + b'\nc.ogg,Low,"Two\nlines"\nd.ogg,Low\n'
    )
    assert reasons(tracklist) == [(3, reason)]
    assert list(tracklist.rows) == ["a.ogg", "c.ogg", "d.ogg"]
    assert tracklist.rows["c.ogg"].title == "Two lines"


@pytest.mark.parametrize(
    "line", [b"{", b"[1]", b'{"artist": "x"}', b"[" * 100_000, b'{"file": "a.ogg", "artist": ["x"]}', b"\xff"]
)
def test_a_bad_json_line_costs_only_itself(tmp_path: Path, line: bytes) -> None:
    good = b'{"file": "a.ogg", "artist": "Low"}'
    tracklist = read(tmp_path, line + b"\n" + good, "m.jsonl")
    assert list(tracklist.rows) == ["a.ogg"]
    assert [row.line for row in tracklist.rejected] == [1]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("m.csv", b"", "no_header"),
        ("m.csv", b"a.ogg,Low\n", "no_header"),
        ("m.csv", b"file:artist\na.ogg:Low\n", "no_header"),
        ("m.csv", b"file,artist,file\n", "bad_header"),
        ("m.csv", "file,artist\n".encode("utf-32"), "bad_encoding"),
        ("m.xlsx", b"PK", "unknown_format"),
        ("m.json", b"{}", "bad_json"),
        ("m.json", b"[", "bad_json"),
    ],
)
def test_a_file_of_no_use_as_a_whole_is_an_error(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, content, name)
    assert caught.value.reason == reason


def test_a_missing_tracklist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="unreadable"):
        read_tracklist(tmp_path / "none.csv")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with two files, one of them with a backslash in its name."""
    folder = tmp_path / "music"
    (folder / "in").mkdir(parents=True)
    for name in ("in/a.ogg", "x\\y.ogg"):
        (folder / name).write_bytes(b"OggS")
    return folder


def matched(tmp_path: Path, music: Path, *files: object) -> TracklistMatch:
    rows = "".join(f'"{file}",Low\n' for file in files)
    return match(read(tmp_path, f"file,artist\n{rows}"), walk(music))


def test_paths_inside_the_folder_may_be_absolute_or_have_backslashes(tmp_path: Path, music: Path) -> None:
    (tmp_path / "link").symlink_to(music)
    for file in (music / "in/a.ogg", "in\\a.ogg", ".\\in\\a.ogg", tmp_path / "link/in/a.ogg"):
        assert list(matched(tmp_path, music, file).rows) == [str(music / "in/a.ogg")], file
    assert list(matched(tmp_path, music, "x\\y.ogg").rows) == [str(music / "x\\y.ogg")], "the name of a file wins"


@pytest.mark.parametrize("file", ["/etc/passwd", "C:\\Music\\a.ogg", "\\\\server\\share\\a.ogg"])
def test_an_absolute_path_outside_the_folder_is_refused(tmp_path: Path, music: Path, file: str) -> None:
    result = matched(tmp_path, music, file)
    assert [row.reason for row in result.rejected] == ["outside_folder"]
    assert str(music) in result.rejected[0].detail


def test_an_absolute_path_of_no_audio_file_is_not_found(tmp_path: Path, music: Path) -> None:
    assert [row.reason for row in matched(tmp_path, music, music / "none.ogg").rejected] == ["file_not_found"]


def test_a_file_that_is_named_in_two_ways_has_one_row(tmp_path: Path, music: Path) -> None:
    result = matched(tmp_path, music, "in/a.ogg", "in\\a.ogg")
    assert (len(result.rows), [row.reason for row in result.rejected]) == (1, ["duplicate_row"])


def test_the_album_is_read(tmp_path: Path) -> None:
    tracklist = read(tmp_path, "file;artist;Album Title\na.ogg;Low;Hey What\nb.ogg;Low;\n")
    assert [row.album for row in tracklist.rows.values()] == ["Hey What", None]


@pytest.mark.skipif(not (SHARED / "audio" / "manifest.csv").is_file(), reason="needs shared/audio beside the checkout")
def test_the_real_tracklist_has_74_good_rows_of_31_artists() -> None:
    tracklist = read_tracklist(SHARED / "audio" / "manifest.csv")
    assert len(tracklist.rows) == 74
    assert len({row.artist.name for row in tracklist.rows.values()}) == 31
    assert tracklist.rejected == ()
