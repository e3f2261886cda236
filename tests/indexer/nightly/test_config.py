"""The configuration of the night: what is said is done, and whatever is wrong is named by file and key."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import soundkin
from indexer.encoders.base import EncoderSettings
from indexer.maintain.collect import CollectOptions
from indexer.nightly.config import EncoderChoice, ImportFile, NightlyConfig, ScanFolder, read_config
from indexer.store.shard import Stored
from recommender.errors import InvalidArgument
from recommender.types import Use

SCAN = '[[scan]]\nfolder = "music"\n'
EVERYTHING = """
use = "noncommercial"
workers = 3

[[scan]]
folder = "music"
tracklist = "/lists/tracklist.csv"

[[scan]]
folder = "~/more"

[[scene]]
file = "map.json"
source = "music-map"

[[genres]]
file = "genres.csv"
licence = "CC0-1.0"

[[collaborations]]
file = "credits.csv"
source = "own lists"
licence = "own"

[encoder]
name = "mert-v1-95m"
weights = "weights/mert"
device = "cuda:0"
context = "chunked:10"
precision = "fp16"
batch = 32
store = "fp16"

[collect]
keep = 5
min_age_hours = 1
"""


def read(tmp_path: Path, text: str) -> NightlyConfig:
    path = tmp_path / "nightly.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path)


def test_every_key_is_taken_up_and_paths_are_seen_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert read(tmp_path, EVERYTHING) == NightlyConfig(
        use=Use.NONCOMMERCIAL,
        workers=3,
        scans=(
            ScanFolder(folder=tmp_path / "music", tracklist=Path("/lists/tracklist.csv")),
            ScanFolder(folder=Path("/home/somebody/more"), tracklist=None),
        ),
        imports=(
            ImportFile(kind="genres", file=tmp_path / "genres.csv", source="genres.csv", licence="CC0-1.0"),
            ImportFile(kind="scene", file=tmp_path / "map.json", source="music-map", licence="none"),
            ImportFile(kind="collaborations", file=tmp_path / "credits.csv", source="own lists", licence="own"),
        ),
        encoder=EncoderChoice(
            name="mert-v1-95m",
            settings=EncoderSettings(
                weights=tmp_path / "weights/mert", device="cuda:0", context="chunked:10", precision="fp16"
            ),
            batch=32,
            stored=Stored.FP16,
        ),
        collect=CollectOptions(keep=5, min_age_hours=1.0),
    )


def test_a_folder_to_scan_is_all_that_has_to_be_said(tmp_path: Path) -> None:
    config = read(tmp_path, SCAN)
    assert config == NightlyConfig(
        use=Use.PERSONAL,
        workers=os.cpu_count() or 1,
        scans=(ScanFolder(folder=tmp_path / "music", tracklist=None),),
        imports=(),
        encoder=EncoderChoice(name=None, settings=EncoderSettings(), batch=None, stored=Stored.FP32),
        collect=CollectOptions(),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nightly.toml: scan: lists no folder"),
        ("[[scan]]\n", "nightly.toml: scan[1].folder: is missing"),
        (f"{SCAN}[[scan]]\nfolder = 3\n", "nightly.toml: scan[2].folder: is 3; give a text in quotes"),
        ('[[scan]]\nfolder = " "\n', "nightly.toml: scan[1].folder: is ' '"),
        ('[scan]\nfolder = "music"\n', "nightly.toml: scan: is dict; make it a list of tables, [[scan]]"),
        (
            f'{SCAN}manifst = "m.csv"\n',
            "nightly.toml: scan[1].manifst: is not known; known here: folder, forget",
        ),
        (SCAN + SCAN, "nightly.toml: scan: lists music twice"),
        (f'colour = "red"\n{SCAN}', "nightly.toml: colour: is not known; known here: collaborations, collect, encoder"),
        (f'profile = "public"\n{SCAN}', "nightly.toml: profile: is 'public'; choose one of personal, noncommercial"),
        (f'workers = "four"\n{SCAN}', "nightly.toml: workers: is 'four'; give a whole number from 1 to 256"),
        (f"workers = 0\n{SCAN}", "nightly.toml: workers: is 0"),
        (f"workers = true\n{SCAN}", "nightly.toml: workers: is True"),
        (f'encoder = "mert"\n{SCAN}', "nightly.toml: encoder: is 'mert'; make it a table, [encoder]"),
        (
            f'{SCAN}[encoder]\nname = "mert"\n',
            "nightly.toml: encoder.name: is 'mert'; choose one of descriptors, mert-v1",
        ),
        (f'{SCAN}[encoder]\nprecision = "int8"\n', "nightly.toml: encoder.precision: is 'int8'"),
        (f"{SCAN}[encoder]\nbatch = 5000\n", "nightly.toml: encoder.batch: is 5000"),
        (f'{SCAN}[encoder]\nmodel = "x"\n', "nightly.toml: encoder.model: is not known"),
        (f"{SCAN}[collect]\nkeep = 0\n", "nightly.toml: collect.keep: is 0"),
        (f"{SCAN}[collect]\nkept = 3\n", "nightly.toml: collect.kept: is not known; known here: keep, min_age_hours"),
        (f'{SCAN}[[genres]]\nsource = "x"\n', "nightly.toml: genres[1].file: is missing"),
        (
            f'{SCAN}[[genres]]\nfile = "g.csv"\nsource = "{"x" * 65}"\n',
            "nightly.toml: genres[1].source: has more than",
        ),
        (f'{SCAN}[[scene]]\nfile = "s"\n[[scene]]\nfile = "s"\n', "nightly.toml: scene: lists s as s twice"),
        ("workers = = 3", "config: nightly.toml is not TOML: Invalid value (at line 1"),
        ('profile = "\\ud800"', "config: nightly.toml is not TOML"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        read(tmp_path, text)
    assert said in str(raised.value).replace(f"{tmp_path}/", "")


def test_a_file_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"nightly.toml cannot be read .*docs/operations.md .*--config"):
        read_config(tmp_path / "nightly.toml")


def test_a_wrong_configuration_is_wrong_usage_and_begins_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nightly.toml").write_text("workers = 3\n")
    with pytest.raises(SystemExit) as left:
        soundkin.main(["nightly", "--home", str(tmp_path)])
    assert left.value.code == 2
    assert "nightly.toml: scan: lists no folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["nightly.toml"]


def test_the_older_names_of_use_and_tracklist_mean_the_same(tmp_path: Path) -> None:
    new = read(tmp_path, EVERYTHING)
    older = EVERYTHING.replace("use =", "profile =").replace("tracklist =", "manifest =")
    assert older != EVERYTHING
    assert read(tmp_path, older) == new


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f'use = "commercial"\nprofile = "personal"\n{SCAN}', "profile: is 'personal' and use is 'commercial'"),
        (f'{SCAN}tracklist = "a.csv"\nmanifest = "b.csv"\n', "scan[1].manifest: is "),
    ],
)
def test_a_key_under_both_of_its_names_is_refused(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(error)):
        read(tmp_path, text)
