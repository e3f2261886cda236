"""The optional dependencies ("extras") of the distribution: which libraries each installs, and the pip line for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """One extra of ``pyproject.toml``. ``dev`` is left out: no program imports its libraries."""

    needed_by: str
    """The commands or features that do not work without it."""
    libraries: tuple[str, ...]
    """The top-level modules that our code imports."""
    includes: tuple[str, ...] = ()
    """Names of the extras that it installs as well."""


EXTRAS: Mapping[str, Extra] = {
    "cpu": Extra(needed_by="build and serve", libraries=("faiss",)),
    "gpu": Extra(needed_by="build and serve, with CUDA and in the place of cpu", libraries=("faiss",)),
    "catalog": Extra(
        needed_by="import, catalog, problems, publish, rollback and verify",
        libraries=("alembic", "psycopg", "sqlalchemy"),
    ),
    "indexer": Extra(
        needed_by="demo, scan, embed, cost, build, nightly and encoder",
        libraries=("av", "ftfy", "librosa", "mutagen", "numba", "soundfile", "soxr"),
        includes=("catalog",),
    ),
    "mert": Extra(
        needed_by="the encoders mert-v1-95m and mert-v1-330m",
        libraries=("huggingface_hub", "safetensors", "torch", "transformers"),
        includes=("indexer",),
    ),
    "evaluate": Extra(
        needed_by="evaluate, report and interleave",
        libraries=("ir_measures", "jinja2", "matplotlib", "sklearn"),
        includes=("catalog",),
    ),
    "rank": Extra(
        needed_by="evaluate --learn",
        libraries=("lightgbm",),
        includes=("evaluate",),
    ),
}
"""Extras by name. ``tests/test_distribution.py`` compares them with ``pyproject.toml``."""


def libraries(extra: str) -> tuple[str, ...]:
    """The libraries that ``extra`` installs. Those of the extras it includes come first.

    >>> libraries("indexer")[:4]
    ('alembic', 'psycopg', 'sqlalchemy', 'av')
    """
    included = (library for name in EXTRAS[extra].includes for library in libraries(name))
    return (*included, *EXTRAS[extra].libraries)


def missing(extra: str) -> tuple[str, ...]:
    """The libraries of ``extra`` that are not installed. None of them is imported to find out."""
    return tuple(library for library in libraries(extra) if find_spec(library) is None)


def find_extra(library: str, *, asked_by: str | None = None) -> str | None:
    """The extra to install when ``library`` is missing. ``asked_by`` is the extra that the whole command needs.

    None when no extra installs the library: then the installation itself is broken.

    >>> find_extra("sqlalchemy"), find_extra("sqlalchemy", asked_by="indexer"), find_extra("torch", asked_by="indexer")
    ('catalog', 'indexer', 'mert')
    """
    if asked_by is not None and library in libraries(asked_by):
        return asked_by
    return next((name for name, extra in EXTRAS.items() if library in extra.libraries), None)


def pip_line(extra: str) -> str:
    """The command that installs ``extra``, together with FAISS where FAISS is missing.

    >>> pip_line("cpu")
    "pip install 'soundkin[cpu]'"
    """
    faiss = () if "faiss" in EXTRAS[extra].libraries or not missing("cpu") else ("cpu",)
    return f"pip install 'soundkin[{','.join((extra, *faiss))}]'"
