"""The parts of a report before it is Markdown or HTML: sections of sentences, tables and plots. And number formats."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import jinja2

from evaluation.measures.statistics import Estimate
from recommender.names import printable

_TEMPLATE = Path(__file__).with_name("page.html")
_MARKDOWN_MARKS = re.compile(r"([\\`*|]|(?<!\w)_|_(?!\w)|\](?=[(\[:])|^[#>+-])")
"""What could become emphasis, code, a cell, a link, a heading, a quote or a list; all else stays readable as it is."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=[A-Za-z#])")


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
    plain = _TAG.sub("&lt;", _ENTITY.sub("&amp;", printable(text)))
    return _MARKDOWN_MARKS.sub(r"\\\1", plain)


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
    environment.globals["zip"] = zip
    return environment.get_template(_TEMPLATE.name).render(document=document)


def to_json(document: Document) -> str:
    """The document as ASCII JSON: titles, sentences, tables as lists of texts, and captions of the pictures."""
    sections = [
        {
            "title": section.title,
            "sentences": section.sentences,
            "table": None if section.table is None else asdict(section.table),
            "picture": None if section.plot is None else section.plot.caption,
        }
        for section in document.sections
    ]
    return json.dumps({"title": document.title, "subtitle": document.subtitle, "sections": sections}, indent=1)


def _printable(value: object) -> object:
    """``value`` without control characters, which could reverse or hide the text beside it."""
    return printable(value) if type(value) is str else value


def _picture(plot: Plot) -> str:
    """The plot as a data URL."""
    return f"data:image/svg+xml;base64,{base64.b64encode(plot.svg).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of text; a missing number is a dash."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture as SVG, with a caption."""

    caption: str
    svg: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the report."""

    title: str
    sentences: tuple[str, ...] = ()
    table: Table | None = None
    plot: Plot | None = None
    is_warning: bool = False
    """Shown as a box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]


def figure(value: float, digits: int = 3) -> str:
    """A number with ``digits`` decimals; a dash for NaN.

    >>> figure(0.12345), figure(float("nan"))
    ('0.123', '–')
    """
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """A change with its sign and three decimals; a dash for NaN.

    >>> signed(0.25), signed(-1e-9)
    ('+0.250', '+0.000')
    """
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:+.3f}"


def percent(value: float) -> str:
    """A share as a percentage; a dash for NaN.

    >>> percent(0.1234)
    '12.3 %'
    """
    return "–" if math.isnan(value) else f"{value * 100:.1f} %"


def interval(estimate: Estimate) -> str:
    """A mean with its interval; the mean alone where there is no interval.

    >>> interval(Estimate(mean=0.5, low=0.4, high=0.6, n=10))
    '0.500 [0.400, 0.600]'
    """
    if math.isnan(estimate.low):
        return figure(estimate.mean)
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
