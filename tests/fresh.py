"""A wheel of this tree, and an environment that holds what one set of extras installs and nothing else. No network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def _not_source(folder: str, names: list[str]) -> list[str]:
    """Hidden files, and what an earlier build left at the top: ``build`` there, not ``indexer/build``."""
    left = {"build", "dist"} if Path(folder) == ROOT else set()
    return [name for name in names if name.startswith(".") or name.endswith(".egg-info") or name in left]


OURS = "soundkin"


def build_wheel(folder: Path) -> Path:
    """The wheel of this tree, built in ``folder`` from a copy: building leaves files beside the sources."""
    shutil.copytree(ROOT, folder / "tree", ignore=_not_source)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", folder, folder / "tree"], check=True)
    (wheel,) = folder.glob(f"{OURS}-*.whl")
    return wheel


def make_environment(folder: Path, wheel: Path, *, extras: Iterable[str]) -> Path:
    """The Python of a new environment with ``wheel``, its requirements with ``extras``, and all that those require.

    The wheel is unpacked as pip does it. The files of the libraries are links to those installed here, and the metadata
    of the wheel and of each library lists them.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (metadata,) = packages.glob(f"{OURS}-*.dist-info")
    for library in required(PathDistribution(metadata), extras).values():
        _link(library, packages)
    return folder / "bin" / "python"


def required(root: Distribution, extras: Iterable[str]) -> dict[str, Distribution]:
    """Name -> installed distribution, of everything that ``root`` with ``extras`` requires, directly or not."""
    libraries = {OURS: root}
    seen: set[tuple[str, frozenset[str]]] = set()
    open_requirements = [(OURS, frozenset(extras))]
    while open_requirements:
        name, wanted_extras = open_requirements.pop()
        if (name, wanted_extras) in seen:
            continue
        seen.add((name, wanted_extras))
        libraries.setdefault(name, root if name == OURS else distribution(name))
        open_requirements += [
            (canonicalize_name(wanted.name), frozenset(wanted.extras))
            for wanted in _wanted(libraries[name], wanted_extras)
        ]
    return {name: library for name, library in libraries.items() if name != OURS}


def _wanted(library: Distribution, extras: frozenset[str]) -> Iterable[Requirement]:
    """The requirements of ``library`` that hold on this machine with ``extras``."""
    for requirement in map(Requirement, library.requires or ()):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            yield requirement


def _link(library: Distribution, packages: Path) -> None:
    for file in library.files or ():
        source, target = Path(str(library.locate_file(file))), packages / file
        if (
            ".." not in file.parts and source.exists()
        ):  # scripts are outside; the list may name byte code that was deleted
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)
