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
OURS = "soundkin"


def build_wheel(folder: Path) -> Path:
    """The wheel of this tree, built in ``folder`` from a copy: building leaves files beside the sources."""
    shutil.copytree(ROOT, folder / "tree", ignore=_left_out)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", folder, folder / "tree"], check=True)
    (wheel,) = folder.glob(f"{OURS}-*.whl")
    return wheel


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What is not copied: hidden and generated files; ``build`` only at the root, for indexer/build is a package."""
    generated = ("build", "dist") if Path(folder) == ROOT else ()
    return shutil.ignore_patterns(".*", "*.egg-info", *generated)(folder, names)


def make_environment(folder: Path, wheel: Path, *, extras: Iterable[str]) -> Path:
    """The Python of a new environment with ``wheel``, its requirements with ``extras``, and all that those require.

    The wheel is unpacked as pip does it. The files of the libraries are links to those installed here, and which ones
    there are is told by the metadata of the wheel and of each library.
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
    found = {OURS: root}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(OURS, frozenset(extras))]
    while waiting:
        name, asked = waiting.pop()
        if (name, asked) in seen:
            continue
        seen.add((name, asked))
        found.setdefault(name, root if name == OURS else distribution(name))
        waiting += [
            (canonicalize_name(wanted.name), frozenset(wanted.extras)) for wanted in _wanted(found[name], asked)
        ]
    return {name: library for name, library in found.items() if name != OURS}


def _wanted(library: Distribution, extras: frozenset[str]) -> Iterable[Requirement]:
    """The requirements of ``library`` that hold on this machine with ``extras``."""
    for requirement in map(Requirement, library.requires or ()):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            yield requirement


def _link(library: Distribution, packages: Path) -> None:
    for file in library.files or ():
        source, place = Path(str(library.locate_file(file))), packages / file
        if ".." not in file.parts and source.exists():  # scripts lie outside; a list may name byte code that is gone
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(source)
