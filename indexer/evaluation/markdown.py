"""A report as Markdown: text and tables; pictures are in the HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from indexer.evaluation.document import Document, Section, Table
from recommender.names import printable

_MARKS = re.compile(r"([\\`*_\[\]|#])")


def to_markdown(document: Document) -> str:
    """The document, ending with a new line. Nothing in a name can become a heading, a link or a tag."""
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
    return _MARKS.sub(r"\\\1", html.escape(printable(text), quote=False))
