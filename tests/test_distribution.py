"""What is distributed: packages, the wheel, licences, extras and their pins, and the commands of the Makefile."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from indexer.encoders.mert.models import SPECS
from recommender.extras import EXTRAS, libraries
from tests import house
from tests.fresh import build_wheel
from tests.tree import PACKAGES, PRODUCT, ROOT, parsed, project, python_files, text_of

DATA = {".html", ".json", ".proto", ".pyi", ".toml"}
"""Suffixes of the files that the wheel carries beside Python."""


def test_the_distribution_names_every_package_there_is() -> None:
    packages = {path.parent.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    namespaces = {Path("migrations"), Path("migrations/versions"), Path("proto/soundkin/v1")}
    assert sorted(project()["tool"]["setuptools"]["packages"]) == sorted(
        ".".join(path.parts) for path in packages | namespaces
    )


def test_the_wheel_carries_migrations_the_contract_licences_and_data_but_no_tests(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="building needs the setuptools that `make test` installs")
    carried = set(zipfile.ZipFile(build_wheel(tmp_path)).namelist())
    paths = [path for folder in (*PACKAGES, "migrations", "proto") for path in (ROOT / folder).rglob("*")]
    data = {path.relative_to(ROOT).as_posix() for path in paths if path.suffix in DATA}
    assert {Path(name).suffix for name in data} == DATA
    assert ({*PRODUCT} | data) - carried == set()
    licences = {name.rpartition("/licenses/")[2] for name in carried if "/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}
    assert [name for name in carried if name.startswith(("tests", "benchmarks"))] == []


def test_the_licence_is_the_whole_of_apache_2_and_the_distribution_says_so() -> None:
    text = text_of("LICENSE")
    assert re.findall(r"^ {3}([1-9])\. [A-Z]", text, re.MULTILINE) == list("123456789")
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert "APPENDIX: How to apply the Apache License to your work." in text
    assert project()["project"]["license"] == "Apache-2.0"


def test_the_notice_names_every_model_whose_weights_have_a_licence_of_their_own() -> None:
    notice = text_of("NOTICE")
    for spec in SPECS.values():
        assert re.search(rf"\({re.escape(spec.repo)} .*\) +{re.escape(spec.licence)}$", notice, re.MULTILINE)


def test_no_other_installed_distribution_claims_our_names() -> None:
    claims = packages_distributions()
    ours = (*PACKAGES, "migrations", "soundkin")
    assert {name: claims[name] for name in ours if set(claims.get(name, ())) - {"soundkin"}} == {}


def requirements(*extras: str) -> set[str]:
    """Names of the distributions the project asks for, with these extras and those that they include."""
    table = project()["project"]
    lines = [*table["dependencies"], *(line for extra in extras for line in table["optional-dependencies"][extra])]
    included = {name for line in lines if line.startswith("soundkin[") for name in re.split(r"[\[\],]", line)[1:-1]}
    others = requirements(*included) if included else set()
    names = {re.split(r"[\[<>=;\s]", line)[0].lower() for line in lines}
    return (names | others) - {"soundkin"}


def installed_by(stamp: str) -> set[str]:
    """The extras that the Makefile installs to make ``stamp``."""
    recipe = re.search(rf"^\$\(VENV\)/{stamp}:.*\n(\t.*\n)+", text_of("Makefile"), re.MULTILINE)
    assert recipe is not None
    (extras,) = re.findall(r"--editable '\.\[([a-z,]+)\]'", recipe[0])
    return set(extras.split(","))


def _distribution(name: str) -> str:
    """A distribution's name as requirements spell it: `huggingface_hub` is `huggingface-hub`."""
    return name.lower().replace("_", "-")


def pins() -> dict[str, str]:
    """Distribution -> the one version constraints.txt allows."""
    lines = text_of("constraints.txt").splitlines()
    exact = [re.match(r"([a-z0-9-]+)==([^\s;]+)( ; .+)?$", line) for line in lines if line and not line.startswith("#")]
    assert all(exact), "constraints.txt holds a line that is not NAME==VERSION"
    return {match[1]: match[2] for match in exact if match}


def test_every_requirement_is_pinned() -> None:
    assert requirements(*project()["project"]["optional-dependencies"]) - set(pins()) == set()


def test_every_library_the_product_imports_is_asked_for() -> None:
    brought_by = packages_distributions()
    known = {*sys.stdlib_module_names, *PACKAGES, "migrations", "soundkin"}
    imported = {name.partition(".")[0] for file in PRODUCT for name in house.imported(parsed(file))} - known
    asked = requirements(*project()["project"]["optional-dependencies"])
    assert "numpy" in imported
    undeclared = {
        name for name in imported if not {_distribution(dist) for dist in brought_by.get(name, [name])} & asked
    }
    assert undeclared == set(), (
        "a library that is not installed, such as torch, is taken to be called as it is imported"
    )


def test_the_server_and_its_clients_import_nothing_that_an_extra_brings_but_faiss() -> None:
    files = [file for file in python_files("recommender", "server") if not file.startswith("recommender/catalog/")]
    imported = {name.partition(".")[0] for file in files for name in house.imported(parsed(file))}
    assert imported & {library for extra in EXTRAS for library in libraries(extra)} == {"faiss"}


def test_every_library_that_is_not_in_the_base_is_known_to_come_with_an_extra() -> None:
    brought_by = packages_distributions()
    asked = requirements()
    imported = {name.partition(".")[0] for file in PRODUCT for name in house.imported(parsed(file))}
    third_party = imported - {*sys.stdlib_module_names, *PACKAGES, "migrations", "soundkin"}
    later = {name for name in third_party if not {_distribution(dist) for dist in brought_by.get(name, [name])} & asked}
    assert later <= {library for extra in EXTRAS for library in libraries(extra)}


@pytest.mark.parametrize("name", EXTRAS)
def test_each_extra_brings_what_the_programs_believe_it_brings(name: str) -> None:
    lines = project()["project"]["optional-dependencies"][name]
    names = {re.split(r"[\[<>=]", line)[0] for line in lines if not line.startswith("soundkin[")}
    called = {"faiss-cpu": "faiss", "faiss-gpu": "faiss", "scikit-learn": "sklearn"}
    assert {called.get(line, line.replace("-", "_")) for line in names} == set(EXTRAS[name].libraries)
    assert [line for line in lines if line.startswith("soundkin[")] == [
        f"soundkin[{included}]" for included in EXTRAS[name].includes
    ]


def test_the_demo_does_not_ask_for_torch_and_the_tests_do() -> None:
    torch = requirements("mert") - requirements("indexer")
    assert "torch" in torch
    assert requirements(*installed_by("runtime.stamp")) & torch == set()
    assert requirements("cpu", "dev") & torch == set()
    assert requirements(*installed_by("dev.stamp")) >= torch


def test_the_tests_have_every_extra_but_the_other_faiss() -> None:
    every = project()["project"]["optional-dependencies"].keys() - {"gpu"}
    assert requirements(*installed_by("dev.stamp")) == requirements(*every)


def test_no_set_up_brings_two_faiss() -> None:
    assert "faiss-cpu" not in requirements("gpu")
    assert "faiss-gpu" not in requirements("cpu", "dev", "mert")


@pytest.mark.parametrize("target", ["help", "demo", "test", "faults", "check", "bench", "proto"])
def test_make_help_names_every_target(target: str) -> None:
    output = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^  make {target} +\w", output, re.MULTILINE)


def test_the_build_machine_runs_the_test_command_and_nothing_else() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"
