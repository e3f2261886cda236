"""TODO-DOC."""

from __future__ import annotations

import importlib.metadata
import platform
from functools import cache

_FAISS = ("faiss", "faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12")


_SOFTWARE = ("soundkin", "numpy", "scipy", "librosa", "soundfile", "soxr", *_FAISS)


@cache
def software() -> dict[str, str]:
    """Package -> version, of whatever is installed here and could change a number. Not to be changed."""
    return {name: found for name in _SOFTWARE if (found := _version(name))} | {"python": platform.python_version()}


def _version(package: str) -> str | None:
    """Asked for by name: to read what every installed package says of itself takes longer than a small build."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
