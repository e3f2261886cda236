"""Turns a report into Markdown, or into one HTML page with styles and plots inside, no script and no network."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from pathlib import Path

import jinja2

from evaluation.report.document import Document, Plot, Section, Table
from recommender.names import printable

_TEMPLATE = Path(__file__).with_name("page.html")
_MARKDOWN_MARKS = re.compile(r"([\\`*_\[\]|#])")


def to_markdown(document: Document) -> str:
    """The document as Markdown. Names are escaped, so none can become a heading, a link or a tag."""
    parts = [f"# {_safe(document.title)}", _safe(document.subtitle)]
    for section in document.sections:
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> Iterator[str]:
    if not section.sentences and not (section.table and section.table.rows):
        return
    yield f"## {_safe(section.title)}"
    quote = "> " if section.is_warning else ""
    if section.sentences:
        yield "\n".join(f"{quote}- {_safe(sentence)}" for sentence in section.sentences)
    if section.table and section.table.rows:
        yield "\n".join(_lines(section.table))


def _lines(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(map(_safe, table.headings))} |"
    yield "|" + "---|" * len(table.headings)
    for row in table.rows:
        yield f"| {' | '.join(map(_safe, row))} |"


def _safe(text: str) -> str:
    return _MARKDOWN_MARKS.sub(r"\\\1", html.escape(printable(text), quote=False))


def to_html(document: Document) -> str:
    """The document as one HTML page. Names are escaped."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FileSystemLoader(_TEMPLATE.parent),
        finalize=_printable,
    )
    environment.filters["picture"] = _picture
    return environment.get_template(_TEMPLATE.name).render(document=document)


def _printable(value: object) -> object:
    """``value`` without control characters, which could reverse or hide the text beside it."""
    return printable(value) if type(value) is str else value


def _picture(plot: Plot) -> str:
    """The plot as a data URL."""
    return f"data:image/svg+xml;base64,{base64.b64encode(plot.svg).decode()}"
