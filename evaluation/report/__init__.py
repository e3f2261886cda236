"""The report of a run: sections, comparison with another run, plots, and Markdown or HTML text."""

from __future__ import annotations
