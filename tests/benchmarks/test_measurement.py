"""What a script measured goes from process to process as it is, and says where it was measured."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from benchmarks.measurement import Measurement, add_json_option, machine
from benchmarks.run import ROOT, claims, measure

MEASURED = Measurement(
    title="Retrieval",
    command="python -m benchmarks.retrieval",
    machine="two cores",
    table_markdown="| größe |\n|---|\n| 0.5 |",
    notes=("chance is 0.05", "one seed"),
    figures={"hits": 3},
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    MEASURED.write(tmp_path / "out.json")
    assert Measurement.read(tmp_path / "out.json") == MEASURED
    bare = replace(MEASURED, figures={})
    bare.write(tmp_path / "out.json")
    assert Measurement.read(tmp_path / "out.json") == bare


@pytest.mark.parametrize("name", ["title", "command", "machine", "table_markdown", "notes"])
def test_what_lacks_a_part_is_not_read(name: str, tmp_path: Path) -> None:
    MEASURED.write(tmp_path / "out.json")
    data = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    del data[name]
    (tmp_path / "out.json").write_text(json.dumps(data))
    with pytest.raises(KeyError, match=name):
        Measurement.read(tmp_path / "out.json")


def test_the_section_leaves_out_the_figures() -> None:
    assert MEASURED.section() == (
        "## Retrieval\n\n`python -m benchmarks.retrieval` on two cores\n\n| größe |\n|---|\n| 0.5 |\n\n"
        "- chance is 0.05\n- one seed"
    )


def test_the_machine_is_told_with_the_versions_asked_for_and_no_others() -> None:
    processor, cpus, python, *libraries = machine("numpy", "faiss").rsplit(", ", 4)
    assert processor.strip()
    assert cpus.removesuffix(" CPUs").isdigit()
    assert python == f"Python {platform.python_version()}"
    assert libraries == [f"numpy {np.__version__}", f"faiss {version('faiss-cpu')}"]
    assert machine().endswith(f"Python {platform.python_version()}")
    with pytest.raises(KeyError):
        machine("no_such_library")


def test_the_option_says_where_to_write(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_json_option(parser)
    assert parser.parse_args(["--json", str(tmp_path)]).out == tmp_path
    assert parser.parse_args([]).out is None


def test_the_claims_are_the_scripts_that_measure() -> None:
    found = set(claims(ROOT / "benchmarks"))
    assert {"artist_retrieval", "blend", "build", "encode", "index", "pipeline", "scan", "similarity", "store"} <= found
    assert not found & {"run", "measurement", "fit_descriptors", "encode_forms", "encode_whole", "blend_catalog"}


def test_what_misses_its_bar_is_read_and_fails_and_what_breaks_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        if "benchmarks.missed" in command:
            MEASURED.write(Path(command[-1]))
        return subprocess.CompletedProcess(command, 1 if "benchmarks.nothing" not in command else 0)

    monkeypatch.setattr("benchmarks.run.subprocess.run", run)
    assert measure("missed") == (MEASURED, 1)
    assert measure("nothing") == (None, 0)
    with pytest.raises(subprocess.CalledProcessError):
        measure("broken")
