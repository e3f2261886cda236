"""The rules of CONTRIBUTING.md as functions: each lists what breaks it in a module, a text or a list of files."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePosixPath
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Documented: TypeAlias = ast.Module | ast.ClassDef | Function

MAX_BODY_LINES = 50
"""Lines of a function body, its docstring not counted."""
MAX_DEPTH = 3
"""Blocks inside one another in one function."""
MAX_PARAMETERS = 5
"""Of one function, ``self`` and ``cls`` not counted."""
MAX_MODULES = 15
"""Directly in one folder, ``__init__.py`` not counted."""
BANNED_NAMES = frozenset({"utils", "util", "common", "core", "helpers", "helper", "manager", "misc"})
UNSAFE_MODULES = frozenset({"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"})
"""Reading what these wrote runs the code it contains."""
UNSAFE_CALLS = frozenset({"torch.load", "yaml.load", "numpy.load", "np.load", "eval", "exec"})
"""Allowed only with the keyword that makes them safe (``SAFE_KEYWORDS``), if there is one."""
SAFE_KEYWORDS = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
UNSAFE_KEYWORDS = frozenset({"trust_remote_code", "allow_pickle"})
"""Never passed as anything but False."""

NOT_PARTICIPLES = frozenset({"embed"})
"""Words that end in -ed and are verbs of action."""
CITATIONS = re.compile(
    r"""
    (?<!\w)reference/\w                                # the team's reports, which lie outside the project
    | (?<![\w/-])(?:science|mert|meter|music|peers|providers|ranking|real|reliability|serving|vector|web)\.md\b
    | (?<![\w/-])(?:product|house)\.md\b
    | (?:\.\./|(?<![\w/."']))shared/                    # material beside the checkout
    | \bthe\ spikes?\b | \bspike\ \d
    | (?<!\w)/work/
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What a line may not cite: it lies outside the project, so no reader of the project has it."""

_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def functions(tree: ast.Module) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def long_functions(tree: ast.Module) -> list[str]:
    """Functions whose body is longer than ``MAX_BODY_LINES`` lines."""
    return [f"{f.name}: {body_lines(f)} lines" for f in functions(tree) if body_lines(f) > MAX_BODY_LINES]


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the last; 0 when there is only a docstring."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1 if body else 0


def deep_functions(tree: ast.Module) -> list[str]:
    """Functions with more than ``MAX_DEPTH`` blocks inside one another."""
    return [f"{f.name}: {depth(f)} levels" for f in functions(tree) if depth(f) > MAX_DEPTH]


def depth(node: ast.AST) -> int:
    """Blocks inside one another under ``node``. Inner functions and classes count by themselves, ``elif`` does not."""
    inner = [child for child in ast.iter_child_nodes(node) if not isinstance(child, _SCOPES)]
    return max((depth(child) + _adds(child, node) for child in inner), default=0)


def _adds(child: ast.AST, parent: ast.AST) -> int:
    is_elif = isinstance(child, ast.If) and isinstance(parent, ast.If) and parent.orelse == [child]
    return int(isinstance(child, _BLOCKS) and not is_elif)


def wide_functions(tree: ast.Module) -> list[str]:
    """Functions with more than ``MAX_PARAMETERS`` parameters. Commands are exempt: theirs are flags, not arguments."""
    return [
        f"{f.name}: {parameters(f)} parameters"
        for f in functions(tree)
        if parameters(f) > MAX_PARAMETERS and not _is_command(f)
    ]


def parameters(function: Function) -> int:
    """How many parameters a caller may give; ``self``, ``cls``, ``*args`` and ``**kwargs`` are not counted."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in every)


def _is_command(function: Function) -> bool:
    names = [ast.unparse(decorator).split("(")[0] for decorator in function.decorator_list]
    return any(name.endswith((".command", "_option", ".option")) for name in names)


def broad_excepts(tree: ast.Module) -> list[str]:
    """Handlers that catch everything and do not raise it again."""
    handlers = (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler))
    broad = (handler for handler in handlers if _is_broad(handler.type) and not _raises_again(handler))
    return [f"line {handler.lineno}" for handler in broad]


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _is_broad(caught: ast.expr | None) -> bool:
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in kinds)


def unsafe_loading(tree: ast.Module) -> list[str]:
    """Imports and calls that can run code found in data."""
    breaches = [f"imports {name}" for name in imported(tree) if name.partition(".")[0] in UNSAFE_MODULES]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    breaches += [f"line {call.lineno}: {ast.unparse(call.func)}" for call in calls if _is_unsafe(call)]
    return breaches


def imported(tree: ast.AST) -> list[str]:
    """Dotted names of every module imported anywhere in the file."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names


def _is_unsafe(call: ast.Call) -> bool:
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if any(name in given and not _is_constant(given[name], False) for name in UNSAFE_KEYWORDS):
        return True
    name = ast.unparse(call.func).replace("numpy.", "np.")
    if name not in UNSAFE_CALLS:
        return False
    keyword, wanted = SAFE_KEYWORDS.get(name, ("", None))
    return keyword not in given or not _is_constant(given[keyword], wanted)


def _is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def undocumented(tree: ast.Module) -> list[str]:
    """The module, its public classes and its public functions that have no docstring."""
    public = [node for node in tree.body if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_")]
    named: list[tuple[str, Documented]] = [("the module", tree), *((node.name, node) for node in public)]
    return [name for name, node in named if not ast.get_docstring(node)]


def crowded_folders(files: Iterable[str]) -> list[str]:
    """Folders with more than ``MAX_MODULES`` modules directly in them."""
    paths = [PurePosixPath(file) for file in files]
    counts = Counter(path.parent.as_posix() for path in paths if path.name != "__init__.py")
    return [f"{folder}: {count} modules" for folder, count in sorted(counts.items()) if count > MAX_MODULES]


def participles(files: Iterable[str]) -> list[str]:
    """Modules whose name ends in -ing or -ed: a module is named by a noun or by a verb of action."""
    return [file for file in files if _ends_as_participle(PurePosixPath(file).stem)]


def _ends_as_participle(name: str) -> bool:
    last = name.rpartition("_")[2]
    return last.endswith(("ing", "ed")) and last not in NOT_PARTICIPLES


def citations(text: str) -> list[str]:
    """Lines that cite something outside the project (``CITATIONS``)."""
    lines = enumerate(text.splitlines(), start=1)
    return [f"line {number}: {match[0].strip()}" for number, line in lines if (match := CITATIONS.search(line))]


def without_counterpart(tests: Iterable[str], modules: Collection[str]) -> list[str]:
    """Test files that are named after no module and no folder at the same path.

    ``tests/a/test_b.py`` tests ``a/b.py`` or the folder ``a/b``; ``tests/a/test_b_more.py`` one more side of it.
    """
    folders = {parent.as_posix() for module in modules for parent in PurePosixPath(module).parents}
    known = {module.removesuffix(".py") for module in modules} | folders
    return [test for test in tests if not known & set(_counterparts(PurePosixPath(test)))]


def _counterparts(test: PurePosixPath) -> Iterator[str]:
    """What ``tests/a/test_b_c.py`` may be named after: ``a/b_c`` and ``a/b``."""
    folder = test.relative_to("tests").parent
    words = test.stem.removeprefix("test_").split("_")
    return ((folder / "_".join(words[:count])).as_posix() for count in range(1, len(words) + 1))
