"""The layout's promises: what CONTRIBUTING.md asks of every file, checked on every file."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from indexer.encoders.mert.models import SPECS
from recommender.extras import EXTRAS, libraries
from tests import house
from tests.fresh import build_wheel

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("pb", "recommender", "indexer", "server", "evaluation")
GENERATED = {"pb"}
MAX_FILE_LINES = 400
DATA = {".html", ".json", ".proto", ".pyi", ".toml"}
"""Of the files that are no Python and travel with the packages."""

MAY_CATCH_EVERYTHING = {
    "indexer/audio/workers/worker.py",  # one file, in a decoder process
    "indexer/encoders/encode_batch.py",  # one clip, in the encoder
    "indexer/audio/tags.py",  # one file's tags
    "indexer/encoders/mert/convert.py",  # torch raises pickle's error, and pickle is not imported: known by its name
    "server/interceptors.py",  # one call
}
"""Where one failure must not stop the rest: it is logged there, and answered or recorded."""


def python_files(*folders: str) -> list[str]:
    """Every module of ours under ``folders``, relative to the root, generated stubs left out."""
    found = [ROOT / "soundkin.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    ours = (path.relative_to(ROOT) for path in found)
    return sorted(path.as_posix() for path in ours if not GENERATED & {*path.parts})


PRODUCT = python_files(*PACKAGES, "migrations")
EVERYTHING = python_files(*PACKAGES, "migrations", "benchmarks", "tests")


@cache
def parsed(file: str) -> ast.Module:
    """The syntax tree of a file of ours."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


@cache
def project() -> dict[str, Any]:  # any TOML table
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def breaking(rule: Callable[[ast.Module], list[str]], files: list[str]) -> dict[str, list[str]]:
    """File -> what it does against the rule, for the files that do."""
    return {file: found for file in files if (found := rule(parsed(file)))}


def test_no_file_is_longer_than_one_idea() -> None:
    lengths = {file: (ROOT / file).read_text(encoding="utf-8").count("\n") for file in EVERYTHING}
    assert {file: lines for file, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_body_is_longer_than_fifty_lines() -> None:
    assert breaking(house.long_functions, EVERYTHING) == {}


def test_half_of_the_function_bodies_are_at_most_seven_lines() -> None:
    lengths = sorted(house.body_lines(f) for file in PRODUCT for f in house.functions(parsed(file)))
    assert lengths[len(lengths) // 2] <= 7


def test_blocks_nest_at_most_three_deep() -> None:
    assert breaking(house.deep_functions, EVERYTHING) == {}


def test_no_function_takes_more_than_five_parameters() -> None:
    assert breaking(house.wide_functions, PRODUCT) == {}


def test_everything_is_caught_only_where_one_failure_must_not_stop_the_rest() -> None:
    assert set(breaking(house.broad_excepts, EVERYTHING)) <= MAY_CATCH_EVERYTHING


def test_nothing_that_is_loaded_can_run_code() -> None:
    assert breaking(house.unsafe_loading, EVERYTHING) == {}


def test_every_public_thing_of_the_product_says_what_it_is() -> None:
    assert breaking(house.undocumented, [*PRODUCT, *python_files("benchmarks")]) == {}


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    words = {file: set(re.split(r"[/_.]", file)) & house.BANNED_NAMES for file in EVERYTHING}
    assert {file: found for file, found in words.items() if found} == {}


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        (house.long_functions, "def f():\n" + "    x = 1\n" * 51),
        (house.deep_functions, "def f():\n for a in b:\n  if a:\n   with a:\n    while a: pass"),
        (
            house.deep_functions,
            "async def f():\n async for a in b:\n  try:\n   pass\n  except E:\n   if a:\n    if b: pass",
        ),
        (house.wide_functions, "def f(a, b, c, *, d, e, g): pass"),
        (house.broad_excepts, "try: pass\nexcept: pass"),
        (house.broad_excepts, "try: pass\nexcept Exception: pass"),
        (house.broad_excepts, "try: pass\nexcept (ValueError, BaseException): pass"),
        (house.unsafe_loading, "import pickle"),
        (house.unsafe_loading, "def f():\n    from joblib import load"),
        (house.unsafe_loading, "np.load(path)"),
        (house.unsafe_loading, "numpy.load(path, allow_pickle=True)"),
        (house.unsafe_loading, "np.memmap(path, allow_pickle=flag)"),
        (house.unsafe_loading, "torch.load(path)"),
        (house.unsafe_loading, "yaml.load(text)"),
        (house.unsafe_loading, "AutoModel.from_pretrained(name, trust_remote_code=True)"),
        (house.undocumented, "x = 1"),
        (house.undocumented, "'''Said.'''\ndef f(): pass"),
        (house.undocumented, "'''Said.'''\nclass F: pass"),
    ],
)
def test_each_rule_finds_its_breach(rule: Callable[[ast.Module], list[str]], bad: str) -> None:
    assert rule(ast.parse(bad)) != []


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (house.long_functions, 'def f():\n    """' + "long\n" * 60 + '    """\n' + "    x = 1\n" * 50),
        (house.deep_functions, "def f():\n for a in b:\n  with a:\n   if a: pass\n   elif b: pass\n   elif c: pass"),
        (house.deep_functions, "def f():\n if a:\n  if b:\n   def g():\n    if c:\n     if d: pass"),
        (house.wide_functions, "def f(self, a, b, *, c, d, e): pass"),
        (house.wide_functions, "@click.option('--a')\ndef f(a, b, c, d, e, g): pass"),
        (house.broad_excepts, "try: pass\nexcept (ValueError, OSError): pass"),
        (
            house.unsafe_loading,
            "np.load(path, allow_pickle=False)\ntorch.load(path, weights_only=True)\njson.load(file)",
        ),
        (house.undocumented, "'''Said.'''\ndef _f(): pass"),
    ],
)
def test_no_rule_sees_a_breach_where_there_is_none(rule: Callable[[ast.Module], list[str]], good: str) -> None:
    assert rule(ast.parse(good)) == []


@pytest.mark.parametrize("folder", ["proto", "migrations", "tests", "benchmarks"])
def test_folders_that_are_no_packages_hold_no_init_file(folder: str) -> None:
    assert [path.as_posix() for path in (ROOT / folder).rglob("__init__.py")] == []


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
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert re.findall(r"^ {3}([1-9])\. [A-Z]", text, re.MULTILINE) == list("123456789")
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert "APPENDIX: How to apply the Apache License to your work." in text
    assert project()["project"]["license"] == "Apache-2.0"


def test_the_notice_names_every_model_whose_weights_have_a_licence_of_their_own() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for spec in SPECS.values():
        assert re.search(rf"\({re.escape(spec.repo)} .*\) +{re.escape(spec.licence)}$", notice, re.MULTILINE)


def test_no_other_installed_distribution_claims_our_names() -> None:
    claims = packages_distributions()
    ours = (*PACKAGES, "migrations", "soundkin")
    assert {name: claims[name] for name in ours if set(claims.get(name, ())) - {"soundkin"}} == {}


def requirements(*extras: str) -> set[str]:
    """Names of the distributions the project asks for, with these extras and those that they include."""
    asked = project()["project"]
    lines = [*asked["dependencies"], *(line for extra in extras for line in asked["optional-dependencies"][extra])]
    included = {name for line in lines if line.startswith("soundkin[") for name in re.split(r"[\[\],]", line)[1:-1]}
    others = requirements(*included) if included else set()
    names = {re.split(r"[\[<>=;\s]", line)[0].lower() for line in lines}
    return (names | others) - {"soundkin"}


def installed_by(stamp: str) -> set[str]:
    """The extras that the Makefile installs to make ``stamp``."""
    recipe = re.search(rf"^\$\(VENV\)/{stamp}:.*\n(\t.*\n)+", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe is not None
    (extras,) = re.findall(r"--editable '\.\[([a-z,]+)\]'", recipe[0])
    return set(extras.split(","))


def _distribution(name: str) -> str:
    """A distribution's name as requirements spell it: `huggingface_hub` is `huggingface-hub`."""
    return name.lower().replace("_", "-")


def pins() -> dict[str, str]:
    """Distribution -> the one version constraints.txt allows."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
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
    unasked = {name for name in imported if not {_distribution(dist) for dist in brought_by.get(name, [name])} & asked}
    assert unasked == set(), "a library that is not installed, such as torch, is taken to be called as it is imported"


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


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_the_pages_a_newcomer_needs_are_there(page: str) -> None:
    assert (ROOT / page).stat().st_size > 0


@pytest.mark.parametrize("target", ["help", "demo", "test", "faults", "check", "bench", "proto"])
def test_make_help_names_every_target(target: str) -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^  make {target} +\w", said, re.MULTILINE)


def test_the_build_machine_runs_the_test_command_and_nothing_else() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"
