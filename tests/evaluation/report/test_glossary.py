"""Every figure of the report is explained in one line."""

from __future__ import annotations

from pathlib import Path

from evaluation.evaluate import Inputs, evaluate
from evaluation.gates import check_gates, read_thresholds
from evaluation.report.document import Document, to_html, to_json, to_markdown
from evaluation.report.glossary import MEANINGS, NO_MEASURES, explained, meaning
from evaluation.report.sections import document
from evaluation.report.verdict import verdict
from evaluation.results import figures
from tests.evaluation.kin import catalog, families_csv
from tests.factories import make_generation


def page(folder: Path) -> Document:
    run = evaluate(make_generation(catalog()), Inputs(truth=families_csv(folder / "truth.csv"), k=2))
    results = check_gates(read_thresholds(), figures(run))
    return document(run, results, verdict(run, results))


def test_every_heading_of_a_whole_report_is_explained_or_needs_no_explanation(tmp_path: Path) -> None:
    made = page(tmp_path)
    headings = [heading for section in made.sections if section.table for heading in section.table.headings]
    assert [one for one in headings if meaning(one) is None and one not in NO_MEASURES] == []
    told = made.sections[-1]
    assert told.title == "What the figures mean"
    assert any(sentence.startswith("nDCG@2: ") for sentence in told.sentences)
    assert not [text for text in MEANINGS.values() if len(text) > 100 or "\n" in text]


def test_a_heading_is_explained_once() -> None:
    assert [heading for heading, _ in explained(["chance", "system", "P@5", "chance"])] == ["chance", "P@5"]


def test_cells_carry_their_heading_so_that_a_narrow_screen_can_list_them(tmp_path: Path) -> None:
    shown = to_html(page(tmp_path))
    assert '<td data-heading="nDCG@2">' in shown
    assert "nowrap" not in shown
    assert "@media (max-width: 800px)" in shown


def test_markdown_is_plain_and_json_has_the_same_tables(tmp_path: Path) -> None:
    made = page(tmp_path)
    plain = to_markdown(made)
    assert "\\[" not in plain
    assert "&gt;" not in plain
    assert "spread_above_shuffled > 0" in plain
    assert '"title": "What the figures mean"' in to_json(made)
