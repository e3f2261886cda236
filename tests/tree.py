"""The files of this checkout, for the tests that look at all of them."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("pb", "recommender", "indexer", "server", "evaluation")
GENERATED = {"pb"}


def python_files(*folders: str) -> list[str]:
    """Every module of ours under ``folders``, relative to the root, generated stubs left out."""
    paths = [ROOT / "soundkin.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    ours = (path.relative_to(ROOT) for path in paths)
    return sorted(path.as_posix() for path in ours if not GENERATED & {*path.parts})


PRODUCT = python_files(*PACKAGES, "migrations")
EVERYTHING = python_files(*PACKAGES, "migrations", "benchmarks", "tests")
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "proto/**/*.proto")
    for path in ROOT.glob(pattern)
)


@cache
def parsed(file: str) -> ast.Module:
    """The syntax tree of a file of ours."""
    return ast.parse(text_of(file))


def text_of(file: str) -> str:
    """The text of a file of ours."""
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def project() -> dict[str, Any]:  # any TOML table
    """The content of pyproject.toml."""
    return tomllib.loads(text_of("pyproject.toml"))
