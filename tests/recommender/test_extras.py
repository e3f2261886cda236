"""What is told when a library of an extra is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recommender import extras


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Take nothing for installed but the libraries named."""

    def installed(*names: str) -> None:
        monkeypatch.setattr(extras, "find_spec", lambda name: object() if name in names else None)

    return installed


def test_an_extra_lacks_what_the_extras_it_includes_lack(only: Callable[..., None]) -> None:
    only("alembic", "psycopg", "av", "librosa", "mutagen", "numba", "soundfile")
    assert extras.missing("catalog") == ("sqlalchemy",)
    assert extras.missing("indexer") == ("sqlalchemy", "ftfy", "soxr")


def test_only_learning_trees_needs_lightgbm(only: Callable[..., None]) -> None:
    only("alembic", "psycopg", "sqlalchemy", "ir_measures", "jinja2", "matplotlib", "sklearn")
    assert extras.missing("evaluate") == ()
    assert extras.missing("rank") == ("lightgbm",)
    assert extras.find_extra("lightgbm") == "rank"


def test_the_pip_line_brings_faiss_where_there_is_none(only: Callable[..., None]) -> None:
    only()
    assert extras.pip_line("indexer") == "pip install 'soundkin[indexer,cpu]'"
    assert extras.pip_line("gpu") == "pip install 'soundkin[gpu]'"
    only("faiss")
    assert extras.pip_line("indexer") == "pip install 'soundkin[indexer]'"


def test_a_library_that_no_extra_brings_is_none_of_ours() -> None:
    assert extras.find_extra("numpy") is None
    assert extras.find_extra("numpy", asked_by="indexer") is None
