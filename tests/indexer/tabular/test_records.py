"""Tables as spreadsheets write them: each spelling gives the same rows, and a bad row costs only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.tabular import fields
from indexer.tabular.records import Record, Rejected, read_records
from indexer.tabular.text_lines import MAX_LINE, read_lines
from recommender.errors import BadInput

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
CASE = SHARED / "cases" / "32-csv-as-spreadsheets-write-it"
WANTED = ("artist", "genre|genres|tag")


def read(tmp_path: Path, content: str | bytes, name: str = "t.csv") -> tuple[list[Record], list[Rejected]]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows = list(read_records(path, required=WANTED))
    return [row for row in rows if isinstance(row, Record)], [row for row in rows if isinstance(row, Rejected)]


def cells(records: list[Record]) -> list[tuple[str | None, tuple[str, ...] | None]]:
    return [(fields.text(row, "artist"), fields.genres(row, "genre", "genres", "tag")) for row in records]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "artist;genre\nSigur Rós;Rock\n"),
        ("t.csv", "artist\tgenre\nSigur Rós\tRock\n"),
        ("t.csv", "artist|genre\nSigur Rós|Rock\n"),
        ("t.tsv", "artist\tgenre\nSigur Rós\tRock\n"),
        ("t.txt", "artist\tgenre\r\nSigur Rós\tRock\r\n"),
        ("t.csv", "artist,genre\rSigur Rós,Rock\r"),
        ("t.csv", "sep=,\nartist,genre\nSigur Rós,Rock\n"),
        ("t.csv", "\ufeffSEP=;\r\n\r\nartist;genre\r\nSigur Rós;Rock\r\n"),
        ("t.csv", '"artist", "genre"\n"Sigur Rós", "Rock"\n'),
        ("t.csv", '"artist" ; "genre"\n"Sigur Rós" ; "Rock"\n'),
        ("t.csv", "Artist Name,Genre(s)\nSigur Rós,Rock\n"),
        ("t.csv", " ARTIST ,Tags\nSigur Rós,Rock\n"),
        ("t.csv", "artistName;Style;;\nSigur Rós;Rock;;\n"),
        ("t.csv", "Band,genre\nSigur Rós,Rock,,\n"),
        ("t.csv", "artist,genre\nSigur Rós,Rock\n".encode("utf-16")),
        ("t.csv", b"\xfe\xff" + "artist;genre\r\nSigur Rós;Rock\r\n".encode("utf-16-be")),
        ("t.csv", "artist,genre\nSigur Rós,Rock\n".encode("utf-16-le")),
        ("t.csv", "artist,genre\nSigur Rós,Rock\n".encode("utf-16-be")),
        ("t.csv", "artist,genre\nSigur Rós,Rock\n".encode("utf-8-sig")),
        ("t.csv", "\ufeff\ufeffArtist(s);Genre\nSigur Rós;Rock\n"),
        ("t.jsonl", '{"Artist Name": "Sigur Rós", "Genre(s)": "Rock"}\n'.encode("utf-16")),
        ("t.json", '[{"artist_name": "Sigur Rós", "genres": ["Rock"]}]'.encode("utf-16")),
    ],
)
def test_one_row_in_the_spellings_of_spreadsheets(tmp_path: Path, name: str, content: str | bytes) -> None:
    good, bad = read(tmp_path, content, name)
    assert cells(good) == [("Sigur Rós", ("rock",))]
    assert bad == []


@pytest.mark.skipif(not CASE.is_dir(), reason="needs shared/cases beside the checkout")
def test_every_table_of_the_shared_case_is_read() -> None:
    for path in sorted(CASE.glob("*.[ct]sv")):
        rows = list(read_records(path, required=WANTED))
        assert cells([row for row in rows if isinstance(row, Record)]) == [("Act 0", ("rock",))], path.name
        assert len(rows) == 1


def test_a_column_of_the_documented_name_wins_over_another_name_for_it(tmp_path: Path) -> None:
    good, _ = read(tmp_path, "band,artist,genre\nThe Band,Bob Dylan,Folk\nThe Band,,Rock\n")
    assert [fields.text(row, "artist") for row in good] == ["Bob Dylan", None]


def test_the_first_of_two_other_names_that_is_given_counts(tmp_path: Path) -> None:
    good, _ = read(tmp_path, "band,act,genre\nLow,Mono,Slowcore\n,Mono,Post-Rock\n")
    assert [fields.text(row, "artist") for row in good] == ["Low", "Mono"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("name;genre\nLow;Rock\n", "missing: artist; semicolons found, with the columns name, genre"),
        ("Low\tRock\n", "missing: artist, genre or genres or tag; tabs found"),
        ("sep=x\nartistxgenre\n", "'sep=x' names no known delimiter; use one of commas, semicolons"),
        ("artist,genre,Artist\n", "names artist twice"),
        ("artist,genre\n".encode("utf-32"), "UTF-32; save it as UTF-8"),
        ("x" * (MAX_LINE + 5), "missing: artist"),
        ("", "is empty; the first line must name the columns"),
    ],
)
def test_a_file_of_no_use_is_refused_before_its_rows_are_read(
    tmp_path: Path, content: str | bytes, problem: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(BadInput, match=problem):
        read_records(path, required=WANTED)


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (b"Beyonc\xe9;Pop", "bad_encoding", "save the file as UTF-8"),
        (b"L\0w;Rock", "nul_bytes", "NUL"),
        (b"a;b;c;d", "too_many_columns", "quote cells that contain semicolons"),
        (b'"Low;Rock', "bad_csv", "quote"),
        (b"x" * (MAX_LINE + 1), "too_long", "more than"),
        (b'"' + b"x" * 200_000 + b'";Rock', "bad_csv", ""),
    ],
)
def test_a_bad_row_costs_itself(tmp_path: Path, row: bytes, reason: str, detail: str) -> None:
    good, bad = read(tmp_path, b"artist;genre;weight\nLow;Rock\n" + row + b"\nMono;Rock;1\n")
    assert [fields.text(one, "artist") for one in good] == ["Low", "Mono"]
    assert [(one.line, one.reason) for one in bad] == [(3, reason)]
    assert detail in bad[0].detail


def test_bytes_that_are_not_utf_16_cost_their_row(tmp_path: Path) -> None:
    bad_row = "Mono".encode("utf-16-le") + b"\x00\xdc" + ",Rock\n".encode("utf-16-le")
    content = b"\xff\xfe" + "artist,genre\n".encode("utf-16-le") + bad_row + "Low,Rock\n".encode("utf-16-le") + b"x"
    good, bad = read(tmp_path, content)
    assert cells(good) == [("Low", ("rock",))]
    assert [(one.line, one.reason) for one in bad] == [(2, "bad_encoding"), (4, "bad_encoding")]


def test_a_quoted_cell_may_span_lines_and_an_open_quote_does_not_eat_the_file(tmp_path: Path) -> None:
    lines = ['"Low\n& Co", "Rock"', '"Mono,Rock', *(f"Act {number},Rock" for number in range(40))]
    good, bad = read(tmp_path, "artist,genre\n" + "\n".join(lines) + "\n")
    assert [(one.line, one.reason) for one in bad] == [(4, "bad_csv")]
    assert len(good) == 41
    assert good[1].line == 5


@pytest.mark.parametrize(
    ("delimiter", "cell", "value"),
    [
        (";", "1,5", 1.5),
        (";", "1.234,5", 1234.5),
        (";", "0.25", 0.25),
        (";", "2,5E-01", 0.25),
        (";", "1,2,3", None),
        (";", "12.34,5", None),
        ("\t", "1,5", 1.5),
        ("\t", "0,125", 0.125),
        ("\t", "1,234", None),
        ("\t", "12.34,5", None),
        ("\t", "1.5", 1.5),
    ],
)
def test_a_decimal_comma_is_read_where_it_cannot_separate_thousands(
    tmp_path: Path, delimiter: str, cell: str, value: float | None
) -> None:
    (row,), _ = read(tmp_path, f"artist;genre;weight\nLow;Rock;{cell}\n".replace(";", delimiter))
    if value is None:
        with pytest.raises(BadInput, match="bad_number"):
            fields.number(row, "weight")
    else:
        assert fields.number(row, "weight") == value


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.json", "a.jsonl"])
@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x1f\x8b\x08", b"%PDF-1.7"])
def test_a_spreadsheet_under_another_name_is_told(tmp_path: Path, name: str, start: bytes) -> None:
    with pytest.raises(BadInput, match=r"unknown_format: .* is .* and not text; export it as CSV in UTF-8"):
        read(tmp_path, start + bytes(100), name=name)


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", "sep=;\n"])
def test_a_file_without_a_line_is_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadInput, match="is empty; the first line must name the columns"):
        read(tmp_path, content)


def test_rows_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("artist,genre\n" + "Low,Rock\n" * 100_000)
    rows = read_records(path, required=WANTED)
    path.write_text("artist,genre\n")  # truncates it: what was not read yet is gone
    assert sum(1 for _ in rows) < 20_000


def test_a_line_of_exactly_the_longest_length_takes_no_other_line_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x" * (MAX_LINE - 1) + "\nnext\n")
    longest, following = read_lines(path)
    assert (len(longest), following) == (MAX_LINE, "next\n")
