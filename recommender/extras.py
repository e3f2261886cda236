"""The extras of the distribution: which libraries each of them brings, and the line that installs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """One extra of ``pyproject.toml``. The extra ``dev`` is not here: no program of ours imports what it brings."""

    needed_by: str
    """The commands, or what else does not work without it."""
    libraries: tuple[str, ...]
    """The top-level modules that ours import."""
    includes: tuple[str, ...] = ()
    """Names of the extras that it brings as well."""


EXTRAS: Mapping[str, Extra] = {
    "cpu": Extra(needed_by="build and serve", libraries=("faiss",)),
    "gpu": Extra(needed_by="build and serve, with CUDA and in the place of cpu", libraries=("faiss",)),
    "catalog": Extra(
        needed_by="import, publish, rollback and verify", libraries=("alembic", "psycopg", "sqlalchemy")
    ),
    "indexer": Extra(
        needed_by="demo, scan, embed, cost, build, nightly and encoder",
        libraries=("av", "librosa", "mutagen", "soundfile", "soxr"),
        includes=("catalog",),
    ),
    "mert": Extra(
        needed_by="the encoders mert-v1-95m and mert-v1-330m",
        libraries=("huggingface_hub", "safetensors", "torch", "transformers"),
        includes=("indexer",),
    ),
    "evaluate": Extra(
        needed_by="evaluate and report",
        libraries=("ir_measures", "jinja2", "matplotlib", "sklearn"),
        includes=("catalog",),
    ),
}
"""By name. ``tests/test_distribution.py`` compares them with ``pyproject.toml``."""


def libraries(extra: str) -> tuple[str, ...]:
    """The libraries that ``extra`` brings, those of the extras it includes first.

    >>> libraries("indexer")[:4]
    ('alembic', 'psycopg', 'sqlalchemy', 'av')
    """
    included = (library for name in EXTRAS[extra].includes for library in libraries(name))
    return (*included, *EXTRAS[extra].libraries)


def missing(extra: str) -> tuple[str, ...]:
    """The libraries of ``extra`` that are not installed here. Imports none of them."""
    return tuple(library for library in libraries(extra) if find_spec(library) is None)


def find_extra(library: str, *, asked_by: str | None = None) -> str | None:
    """The extra to install when ``library`` is missing; ``asked_by`` is the extra that the work as a whole needs.

    None when no extra brings it: then the installation is broken.

    >>> find_extra("sqlalchemy"), find_extra("sqlalchemy", asked_by="indexer"), find_extra("torch", asked_by="indexer")
    ('catalog', 'indexer', 'mert')
    """
    if asked_by is not None and library in libraries(asked_by):
        return asked_by
    return next((name for name, extra in EXTRAS.items() if library in extra.libraries), None)


def pip_line(extra: str) -> str:
    """What to type to install ``extra``, and FAISS with it where there is none yet.

    >>> pip_line("cpu")
    "pip install 'soundkin[cpu]'"
    """
    faiss = () if "faiss" in EXTRAS[extra].libraries or not missing("cpu") else ("cpu",)
    return f"pip install 'soundkin[{','.join((extra, *faiss))}]'"
