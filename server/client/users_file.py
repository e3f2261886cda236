"""Reads the users for whom a line-up is ordered, from a CSV or a JSON file: who likes whom, and whom not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument
from recommender.strict_json import from_facts
from server.client.line_up_file import read_lines, read_table
from server.client.requests import artist_refs

OPTION = "--users"


class _User(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of a JSON file."""

    user: str
    seeds: tuple[str, ...]
    negative: tuple[str, ...] = ()


class _Users(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a JSON file."""

    users: tuple[_User, ...]


def read_users(path: Path) -> list[pb.LineUpUser]:
    """The users in the file at ``path``, in the order in which it first names them.

    CSV: the columns ``user``, ``seed`` and, if wanted, ``negative``; a row has at most one name of each. JSON: a
    list of ``{"user": …, "seeds": […], "negative": […]}``, the last of which may be missing.

    Raises InvalidArgument for a file that is neither, is not UTF-8, names nobody or is too large.
    """
    lines, bad_lines = read_lines(OPTION, path)
    if bad_lines:
        raise InvalidArgument(OPTION, str(bad_lines[0]))
    people = _from_json(path, "\n".join(lines)) if path.suffix.lower() == ".json" else _from_table(path, lines)
    if not people:
        raise InvalidArgument(OPTION, f"{path} has no users")
    return [
        pb.LineUpUser(key=one.user, seeds=artist_refs(one.seeds), negative_seeds=artist_refs(one.negative))
        for one in people
    ]


def _from_json(path: Path, text: str) -> Sequence[_User]:
    try:
        return from_facts({"users": json.loads(text)}, _Users).users
    except ValueError as error:
        raise InvalidArgument(OPTION, f"{path} is not a list of users: {error}") from error


def _from_table(path: Path, lines: Sequence[str]) -> Sequence[_User]:
    rows = read_table(lines)
    if rows and not {"user", "seed"} <= rows[0].keys():
        raise InvalidArgument(OPTION, f"{path} has no columns user and seed; its first line names the columns")
    seeds: dict[str, list[str]] = {}
    negative: dict[str, list[str]] = {}
    for row in rows:
        user = row.get("user", "")
        for names, column in ((seeds, "seed"), (negative, "negative")):
            names.setdefault(user, []).extend(name for name in [row.get(column, "")] if name)
    return [_User(user=user, seeds=tuple(names), negative=tuple(negative[user])) for user, names in seeds.items()]
