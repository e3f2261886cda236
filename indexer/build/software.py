"""Lists the installed software that can change a number of a build, for the manifest and for incremental builds."""

from __future__ import annotations

import importlib.metadata
import platform
from functools import cache

_FAISS = ("faiss", "faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12")
_SOFTWARE = ("soundkin", "numpy", "scipy", "librosa", "soundfile", "soxr", *_FAISS)


@cache
def software() -> dict[str, str]:
    """Package -> version, of the installed packages that can change a number. Cached: do not modify the result."""
    return {name: version for name in _SOFTWARE if (version := _version(name))} | {"python": platform.python_version()}


def _version(package: str) -> str | None:
    """The version of ``package``; None when it is not installed.

    Reading the metadata of all installed packages would take longer than a small build.
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
