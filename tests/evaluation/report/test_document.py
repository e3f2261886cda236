"""The report as text and as a page: names stay names, pictures are the same for the same numbers."""

from __future__ import annotations

from evaluation.measures.distribution import Histogram
from evaluation.measures.statistics import Difference, Estimate
from evaluation.report import plots
from evaluation.report.document import Document, Plot, Section, Table, to_html, to_markdown
from evaluation.results import Comparison

EVIL = "<script>alert(1)</script> | *x* [y](z)\n# \u202eevil"
NOTHING = float("nan")
PICTURE = Plot(caption=EVIL, svg=b"<svg/>")


def document() -> Document:
    table = Table(headings=("artist", EVIL), rows=((EVIL, "PASS"), ("Low", "FAIL (null result)")))
    section = Section(title=EVIL, sentences=(EVIL,), table=table, plot=PICTURE, is_warning=True)
    return Document(title=EVIL, subtitle=EVIL, sections=(section,))


def test_no_name_becomes_a_tag_on_the_page() -> None:
    page = to_html(document())
    assert "<script" not in page
    assert "\u202e" not in page
    assert ' class="PASS">PASS</td>' in page
    assert ' class="FAIL">FAIL (null result)</td>' in page
    assert '<section class="warning">' in page
    assert "data:image/svg+xml;base64,PHN2Zy8+" in page


def test_no_name_becomes_a_mark_in_the_text() -> None:
    text = to_markdown(document())
    assert "<" not in text
    assert "\n# evil" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [line.replace("\\|", "").count("|") for line in rows] == [3, 3, 3]


def test_pictures_are_the_same_for_the_same_numbers_and_hold_no_date() -> None:
    estimate = Estimate(mean=0.1, low=-0.1, high=0.3, n=9)
    lost = Estimate(mean=NOTHING, low=NOTHING, high=NOTHING, n=0)
    comparisons = [
        Comparison(
            system="a $x_1$ & b", difference=Difference(difference=each, p_value=0.5, detectable=0.2), corrected_p=1.0
        )
        for each in (estimate, lost)
    ]
    histogram = Histogram(edges=(0.0, 0.5, 1.0), related=(0, 3), unrelated=(4, 0))
    drawn = [
        (
            plots.difference_plot(comparisons, "nDCG@5"),
            plots.pair_histogram(histogram),
            plots.occurrence_histogram((5, 3, 1), 5),
            plots.paired_plot((0.5, -0.2, NOTHING, 0.0), "a less b"),
        )
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
    assert all(picture.startswith(b"<?xml") and b"<dc:date>" not in picture for picture in drawn[0])
    assert b"a $x_1$ &amp; b" in drawn[0][0]
