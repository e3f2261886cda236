"""Counts in the text of a tree: modules, folders, lengths, comments, and which module imports which."""

from __future__ import annotations

import ast
import io
import math
import statistics
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = frozenset({"tests", "benchmarks", "migrations", "build", "dist"})
"""Top-level folders without production modules. Migrations are never edited."""
GENERATED = ("_pb2.py", "_pb2_grpc.py")
SHORT = 60
"""A module with fewer lines and one importer could be moved into that importer."""

_NO_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One production module."""

    file: str
    """Relative to the tree."""
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Dotted; a package has the name of its folder."""
        return self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def is_package(self) -> bool:
        """Whether it is an ``__init__.py``."""
        return Path(self.file).name == "__init__.py"

    @property
    def lines(self) -> int:
        """Number of lines, blank ones included."""
        return len(self.text.splitlines())


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRange:
    """Median, 90th percentile (nearest rank) and largest of some numbers; 0 without numbers."""

    median: float
    p90: int
    largest: int


def modules(tree: Path) -> list[Module]:
    """Every production module of ``tree``, ``__init__.py`` included: the top level and all folders under it, but
    ``LEFT_OUT``, hidden folders and generated stubs."""
    top = [folder for folder in tree.iterdir() if folder.is_dir() and folder.name not in LEFT_OUT]
    found = [*tree.glob("*.py"), *(file for folder in top for file in folder.rglob("*.py"))]
    inside = [(file, file.relative_to(tree)) for file in found if not file.name.endswith(GENERATED)]
    ours = sorted(
        (path.as_posix(), file) for file, path in inside if not any(part.startswith(".") for part in path.parts)
    )
    texts = ((name, file.read_text(encoding="utf-8")) for name, file in ours)
    return [Module(file=name, text=text, tree=ast.parse(text)) for name, text in texts]


def fullest_folder(found: Sequence[Module]) -> tuple[str, int]:
    """The folder with the most modules directly in it, and their number; ties go by name."""
    counts = Counter(Path(module.file).parent.as_posix() for module in found if not module.is_package)
    return min(counts.items(), key=lambda item: (-item[1], item[0]), default=("", 0))


def importers(found: Sequence[Module]) -> dict[str, set[str]]:
    """Module -> the other production modules that import it anywhere in the file."""
    names = {module.name for module in found}
    by: dict[str, set[str]] = {name: set() for name in names}
    for module in found:
        for name in imports(module, names) - {module.name}:
            by[name].add(module.name)
    return by


def imports(module: Module, names: set[str]) -> set[str]:
    """Which of ``names`` the module imports. ``from a import b`` imports ``a.b`` where that is a module, else ``a``."""
    wanted: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            inner = {alias.name: f"{base}.{alias.name}" for alias in node.names}
            wanted |= {full if full in names else base for full in inner.values()}
    return wanted & names


def _base(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def short_with_one_importer(found: Sequence[Module]) -> list[str]:
    """Files under ``SHORT`` lines that exactly one other production module imports, packages left out."""
    by = importers(found)
    return [
        module.file for module in found if not module.is_package and module.lines < SHORT and len(by[module.name]) == 1
    ]


def body_lengths(found: Sequence[Module]) -> list[int]:
    """Body lines of every function and method, nested ones too."""
    nodes = (node for module in found for node in ast.walk(module.tree))
    return [body_lines(node) for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Counted as in tests/house.py: from the first statement after the docstring to the last; 0 when there is none."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1 if body else 0


def comment_lines(module: Module) -> int:
    """Number of lines with a comment and nothing else."""
    return sum(token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip() for token in _tokens(module))


def code_lines(module: Module) -> int:
    """Number of lines with code: without blank lines, comments and docstrings (of attributes too)."""
    lines = {
        line
        for token in _tokens(module)
        if token.type not in _NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - set(_doc_lines(module.tree)))


def _tokens(module: Module) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(module.text).readline)


def _doc_lines(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def spread(numbers: Sequence[int]) -> ValueRange:
    """Median, 90th percentile and largest of ``numbers``.

    >>> spread([5, 1, 2, 4])
    ValueRange(median=3.0, p90=5, largest=5)
    """
    ordered = sorted(numbers) or [0]
    return ValueRange(
        median=float(statistics.median(ordered)), p90=ordered[math.ceil(0.9 * len(ordered)) - 1], largest=ordered[-1]
    )
