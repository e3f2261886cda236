"""A report as one HTML page that needs nothing else: styles and pictures inside, no script, no network."""

from __future__ import annotations

import base64
from pathlib import Path

import jinja2

from indexer.evaluation.document import Document, Plot
from recommender.names import printable

_TEMPLATE = Path(__file__).with_name("page.html")


def to_html(document: Document) -> str:
    """The document as a page. Names are escaped, whatever they hold."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FileSystemLoader(_TEMPLATE.parent),
        finalize=_shown,
    )
    environment.filters["picture"] = _picture
    return environment.get_template(_TEMPLATE.name).render(document=document)


def _shown(value: object) -> object:
    """Text without what could reverse or hide its neighbours on the page."""
    return printable(value) if type(value) is str else value


def _picture(plot: Plot) -> str:
    """The plot as a URL that holds it."""
    return f"data:image/svg+xml;base64,{base64.b64encode(plot.svg).decode()}"
