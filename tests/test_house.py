"""The rules of CONTRIBUTING.md that a program can check, checked on every file."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.readability_counts import modules, short_with_one_importer
from tests import house
from tests.tree import EVERYTHING, PAGES, PRODUCT, ROOT, parsed, python_files, text_of

MAX_FILE_LINES = 400
MAY_CATCH_EVERYTHING = {
    "indexer/audio/workers/job_handler.py",  # one file, in a decoder process
    "indexer/encoders/encode_batch.py",  # one clip, in the encoder
    "indexer/audio/tags/read_tags.py",  # one file's tags
    "indexer/encoders/mert/convert.py",  # torch raises pickle's error, and pickle is not imported: known by its name
    "server/interceptors.py",  # one call
}
"""Where one failure must not stop the rest: it is logged there, and answered or recorded."""

FAMILIES = {
    "evaluation/measures": "one measure a module",
    "indexer/audio/tags": "one kind of tag, or one step from it to what is kept, a module",
    "indexer/audio/identity": "one way to find the sound of a format a module",
    "indexer/ingest/facts": "one step from what files say to the catalog a module",
    "indexer/demo/synth/styles": "one style of invented music a module",
    "indexer/encoders/descriptors": "one group of descriptors a module",
    "recommender/catalog": "one group of the catalog's methods or tables a module",
    "recommender/fusion": "one method of weighing signals a module",
    "recommender/generation": "one part of the published format a module",
    "recommender/ranking": "one step of a ranking a module",
    "recommender/signals": "one signal a module",
}
"""Folders in which a module may be short and have one importer: each is one of several things of the same kind."""
SHORT_ON_PURPOSE = {
    "indexer/encoders/registry.py",  # has to run before numba is imported, so its importer must not import librosa
}

READS_SHARED_MATERIAL = {
    "benchmarks/artist_retrieval.py",
    "tests/benchmarks/test_artist_retrieval.py",
    "tests/cases/test_shared_cases.py",
    "tests/indexer/audio/lengths/test_ogg_pages.py",
    "tests/indexer/audio/test_hostile_audio.py",
    "tests/indexer/ingest/test_scan.py",
    "tests/indexer/ingest/test_tracklist.py",
    "tests/indexer/tabular/test_records.py",
    "tests/test_end_to_end.py",
}
"""They read audio from a folder beside the checkout, where it is there, and may name that folder."""
ABOUT_THE_SEEDS = {"docs/seeds.md", "tests/house.py", "tests/test_house.py"}
"""Pages about the documents that Soundkin started from, and the rule itself."""

WHOLE_FOLDERS = ("cases", "contracts", "faults", "gpu", "migrations")
"""Folders of tests that are about no single module."""
CROSS_CUTTING = {
    "tests/evaluation/test_subgenres.py": "all of evaluate, on styles of one genre",
    "tests/indexer/audio/test_hostile_audio.py": "all decoders",
    "tests/indexer/audio/workers/test_poison_files.py": "files that crash a worker",
    "tests/indexer/audio/workers/test_workers.py": "pool, worker and handle together",
    "tests/indexer/embed/test_hostile_batches.py": "what encoders may do to a batch",
    "tests/indexer/embed/test_left_by_runs.py": "what a run leaves on disk",
    "tests/indexer/encoders/mert/test_batch_memory.py": "how many clips fit into a device's memory",
    "tests/indexer/encoders/mert/test_chunked_encoder.py": "the contract of an encoder, in chunks",
    "tests/indexer/encoders/mert/test_context.py": "the setting --context",
    "tests/indexer/ingest/test_history.py": "scan, ledger and derivation after any history",
    "tests/indexer/encoders/mert/test_on_its_own.py": "no network and no cache folder",
    "tests/indexer/encoders/mert/test_parity.py": "our forward pass beside transformers",
    "tests/indexer/encoders/mert/test_several_devices.py": "MERT in a process for each device",
    "tests/indexer/encoders/test_fake_encoder.py": "the contract of an encoder, on the encoder of the tests",
    "tests/indexer/nightly/test_interrupted_nights.py": "a nightly run that ends early",
    "tests/indexer/store/test_spaces_apart.py": "two spaces in one home",
    "tests/recommender/ranking/test_ranking_properties.py": "what holds for every ranking",
    "tests/recommender/vectors/test_hostile_index.py": "damaged index files",
    "tests/server/test_no_sql.py": "no request reaches SQL",
}
"""Test files that are about several modules, and what they are about."""


def breaking(rule: Callable[[ast.Module], list[str]], files: list[str]) -> dict[str, list[str]]:
    """File -> its breaches of the rule, for the files that have any."""
    return {file: breaches for file in files if (breaches := rule(parsed(file)))}


def short_alone(root: Path) -> list[str]:
    """Production modules under 60 lines with one importer that belong to no family."""
    files = short_with_one_importer(modules(root))
    return [file for file in files if str(Path(file).parent) not in FAMILIES and file not in SHORT_ON_PURPOSE]


def percentile_90(lengths: list[int]) -> int:
    """The 90th percentile by nearest rank."""
    return sorted(lengths)[math.ceil(0.9 * len(lengths)) - 1]


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    lengths = {file: text_of(file).count("\n") for file in EVERYTHING}
    assert {file: lines for file, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_body_is_longer_than_fifty_lines() -> None:
    assert breaking(house.long_functions, EVERYTHING) == {}


def test_half_of_the_function_bodies_are_at_most_seven_lines() -> None:
    lengths = sorted(house.body_lines(f) for file in PRODUCT for f in house.functions(parsed(file)))
    assert lengths[len(lengths) // 2] <= 7


def test_nine_in_ten_function_bodies_are_at_most_25_lines() -> None:
    lengths = [house.body_lines(f) for file in PRODUCT for f in house.functions(parsed(file))]
    assert percentile_90(lengths) <= 25


def test_no_folder_holds_more_than_fifteen_modules() -> None:
    assert house.crowded_folders(file for file in PRODUCT if not file.startswith("migrations/versions/")) == []


def test_no_module_has_a_name_that_ends_in_ing_or_ed() -> None:
    assert house.participles(file for file in PRODUCT if not file.startswith("migrations/versions/")) == []


def test_a_short_module_with_one_importer_is_part_of_a_family() -> None:
    assert short_alone(ROOT) == []


@pytest.mark.parametrize("folder", FAMILIES)
def test_a_family_has_at_least_three_members(folder: str) -> None:
    assert len([path for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"]) >= 3


def test_nothing_cites_what_lies_outside_the_project() -> None:
    files = sorted({*EVERYTHING, *PAGES} - READS_SHARED_MATERIAL - ABOUT_THE_SEEDS)
    breaches = {file: house.citations(text_of(file)) for file in files}
    assert {file: lines for file, lines in breaches.items() if lines} == {}


def test_what_reads_shared_material_cites_nothing_else() -> None:
    for file in READS_SHARED_MATERIAL:
        breaches = house.citations(text_of(file))
        assert [line for line in breaches if "shared/" not in line] == [], file


def test_every_test_file_is_named_after_what_it_tests() -> None:
    tests = [file for file in EVERYTHING if Path(file).name.startswith("test_")]
    mirrored = [file for file in tests if Path(file).parts[1] not in WHOLE_FOLDERS and Path(file).parts[2:]]
    assert sorted(house.without_counterpart(mirrored, EVERYTHING)) == sorted(CROSS_CUTTING)


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
    assert {file: banned for file, banned in words.items() if banned} == {}


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


def test_a_crowded_folder_is_found() -> None:
    fifteen = [f"a/m{number}.py" for number in range(15)]
    assert house.crowded_folders([*fifteen, "a/__init__.py", "a/b/c.py"]) == []
    assert house.crowded_folders([*fifteen, "a/m15.py"]) == ["a: 16 modules"]


def test_participles_are_found() -> None:
    assert house.participles(["a/embed.py", "seeds.py", "a/index.py"]) == []
    assert house.participles(["a/scanning.py", "b/cached.py", "b/string_matching.py"]) == [
        "a/scanning.py",
        "b/cached.py",
        "b/string_matching.py",
    ]


def test_a_short_module_with_one_importer_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "large.py").write_text("import a.small\n" + "x = 1\n" * 60)
    (tmp_path / "a" / "small.py").write_text("x = 1\n" * 59)
    assert short_alone(tmp_path) == ["a/small.py"]
    (tmp_path / "a" / "other.py").write_text("import a.small, a.large\n" + "x = 1\n" * 60)
    assert short_alone(tmp_path) == []


@pytest.mark.parametrize(
    "line",
    [
        '"""As reference/science.md 2.5 has it."""',
        "# science.md 5.5",
        "The default (../shared/audio).",
        "see shared/design/product.md",
        "Scores: product.md",
        "(`shared/reference/providers.md` 3.3)",
        "as the spike did",
        "after spike 6",
        "in /work/main",
    ],
)
def test_a_citation_of_what_lies_outside_is_found(line: str) -> None:
    assert len(house.citations(f"x = 1\n{line}\n")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "docs/methods.md, Fusion",
        "docs/decisions/0006-own-mert.md",
        "the reference pairs",
        "a reference / a name",
        "shared memory",
        "MERT",
        "indexer/encoders/mert",
    ],
)
def test_a_pointer_into_the_project_is_no_citation(line: str) -> None:
    assert house.citations(line) == []


def test_a_test_file_without_a_counterpart_is_found() -> None:
    modules = ["a/b.py", "a/c/d.py"]
    named = ["tests/a/test_b.py", "tests/a/test_b_in_the_rain.py", "tests/a/test_c.py", "tests/a/c/test_d.py"]
    assert house.without_counterpart(named, modules) == []
    assert house.without_counterpart(["tests/a/test_d.py", "tests/b/test_b.py"], modules) == [
        "tests/a/test_d.py",
        "tests/b/test_b.py",
    ]


def test_the_ninetieth_percentile_is_by_nearest_rank() -> None:
    assert percentile_90(list(range(1, 11))) == 9
    assert percentile_90([3]) == 3


@pytest.mark.parametrize("folder", ["proto", "migrations", "tests", "benchmarks"])
def test_folders_that_are_no_packages_hold_no_init_file(folder: str) -> None:
    assert [path.as_posix() for path in (ROOT / folder).rglob("__init__.py")] == []


@pytest.mark.parametrize(
    "page",
    ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/api.md", "docs/operations.md"],
)
def test_the_pages_a_newcomer_needs_are_there(page: str) -> None:
    assert (ROOT / page).stat().st_size > 0


def test_the_front_page_fits_two_screens() -> None:
    lines = text_of("README.md").splitlines()
    assert len(lines) <= 92
    assert [line for line in lines if len(line) > 110] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.endswith(".md")])
def test_every_link_between_the_pages_leads_to_a_file(page: str) -> None:
    text = text_of(page)
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    inside = [link for link in links if not link.startswith(("http", "mailto"))]
    assert [link for link in inside if not (ROOT / page).parent.joinpath(link).exists()] == []
