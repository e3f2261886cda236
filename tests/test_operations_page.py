"""docs/operations.md and the systemd units agree with the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import soundkin
from indexer.maintain.collect import CollectOptions
from indexer.nightly.config import read_config
from indexer.nightly.report import KEPT_REPORTS
from indexer.publish.quarantine import KEPT_AT_MOST, KEPT_DAYS, SHARDS_KEPT_DAYS
from recommender.errors import InvalidArgument
from recommender.retry_schedule import RETRY_AFTER_RUNS

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNITS = ROOT / "packaging" / "systemd"
PROGRAM = "/opt/soundkin/bin/soundkin"


def example() -> str:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_the_configuration_on_the_page_is_valid(tmp_path: Path) -> None:
    (tmp_path / "nightly.toml").write_text(example())
    config = read_config(tmp_path / "nightly.toml")
    assert config.encoder.name == "descriptors"
    assert [item.kind for item in config.imports] == ["genres"]
    assert config.collect == type(config.collect)()


def test_every_key_of_the_configuration_is_on_the_page(tmp_path: Path) -> None:
    known = set()
    for text in ("x = 1", "[[scan]]\nx = 1", "[[genres]]\nfile = 'f'\nx = 1", "[encoder]\nx = 1", "[collect]\nx = 1"):
        (tmp_path / "nightly.toml").write_text(text.replace("[[scan]]", "[[scan]]\nfolder = 'f'"))
        with pytest.raises(InvalidArgument, match="known here: ") as raised:
            read_config(tmp_path / "nightly.toml")
        known |= set(raised.value.problem.partition("known here: ")[2].split(", "))
    assert {"workers", "folder", "licence", "precision", "min_age_hours"} <= known
    assert {key for key in known if not re.search(rf"\b{key}\b", example())} == set()
    assert tomllib.loads(example())


def test_the_schedule_on_the_page_is_that_of_the_code() -> None:
    runs = [1]
    for after in RETRY_AFTER_RUNS:
        runs.append(runs[-1] + after)
    assert "first in run 1, that is in runs {}, {} and {}.".format(*runs[1:]) in " ".join(PAGE.split())


def test_what_is_kept_and_how_long_is_that_of_the_code() -> None:
    page = " ".join(PAGE.split())
    assert f"The newest {KEPT_REPORTS} files in `runs/` are kept" in page
    assert f"(`HOME/quarantine/embeddings`) go after {SHARDS_KEPT_DAYS} days" in page
    assert f"What was rejected goes after {KEPT_DAYS} days" in page
    assert (KEPT_AT_MOST, CollectOptions().keep, CollectOptions().min_age_hours) == (3, 2, 24)
    assert "it is kept 7 days, three at most" in page


def test_the_units_are_sound(tmp_path: Path) -> None:
    """With the program replaced by one that is installed here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    names = sorted(path.name for path in UNITS.iterdir())
    assert names == [
        "soundkin-encoder.service",
        "soundkin-nightly.service",
        "soundkin-nightly.timer",
        "soundkin-serve.service",
    ]
    for name in names:
        (tmp_path / name).write_text((UNITS / name).read_text().replace(PROGRAM, str(shutil.which("true"))))
    done = subprocess.run(
        ["systemd-analyze", "verify", *(tmp_path / name for name in names)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_units_run_commands_that_exist() -> None:
    units = "\n".join(path.read_text() for path in UNITS.iterdir())
    commands = re.findall(rf"^ExecStart={PROGRAM} (\w+)", units, re.MULTILINE)
    assert sorted(commands) == ["encoder", "nightly", "serve"]
    assert set(commands) <= set(soundkin.COMMANDS)


@pytest.mark.parametrize(("status", "reported"), [(0, 0), (75, 0), (1, 1)])
def test_the_line_for_cron_reports_success_when_another_run_has_the_lock(
    status: int, reported: int, tmp_path: Path
) -> None:
    (line,) = re.findall(r"^30 2 \* \* \*  soundkin  (.*)$", PAGE, re.MULTILINE)
    assert PROGRAM in line
    program = tmp_path / "soundkin"
    program.write_text(f"#!/bin/sh\nexit {status}\n")
    program.chmod(0o755)
    done = subprocess.run(["/bin/sh", "-c", line.replace(PROGRAM, str(program))], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (reported, b"", b"")
