"""What the writers of a home do, for power to be cut meanwhile, and how a reader tells what is left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from indexer.files.atomic import make_folder, write_file
from indexer.maintain.collect import CollectOptions, collect
from indexer.maintain.repair import repair
from indexer.maintain.verify import verify
from indexer.publish.quarantine import QUARANTINE, REASON
from indexer.publish.rollback import rollback
from indexer.store.store import EMBEDDINGS, EmbeddingStore
from recommender.errors import GenerationCorrupt, InvalidArgument
from recommender.generation.open_generation import VERSIONS, open_generation
from tests.faults.crashing import (
    NEW_CLIPS,
    finish_collect,
    finish_refusal,
    finish_rollback,
    finish_seal,
    look,
    prepare_build,
    prepare_collect,
    prepare_refusal,
    prepare_seal,
    refused,
    seal,
)
from tests.faults.homes import SPACE, build, build_and_publish, embed, open_catalog, publish, served
from tests.faults.power import Plot

CORRUPT = "00000002.shard"
KEEP_TWO = CollectOptions(keep=2, min_age_hours=0)


def publish_next(home: Path) -> None:
    """Build and publish."""
    build(home)
    publish(home)


def finish_publishing(home: Path) -> str:
    """What is staged may be published if it is whole; the next build is published."""
    with suppress(InvalidArgument, GenerationCorrupt):
        publish(home)
    before = served(home)
    return "" if build_and_publish(home) > before and look(home) == str(served(home)) else look(home)


def look_at_shard(home: Path) -> str:
    """What is served, and how many of the new clips are embedded."""
    found = look(home)
    if found != "1":
        return found
    held = EmbeddingStore(home, SPACE).clip_ids & {*NEW_CLIPS}
    return found + {0: " without", len(NEW_CLIPS): " with"}.get(len(held), f" with {len(held)} clips")


def look_at_versions(home: Path) -> str:
    """What is served, if every folder with the name of a version is a whole one: a rollback may be to any of them."""
    for folder in sorted((home / VERSIONS).glob("v*")):
        try:
            open_generation(folder)
        except GenerationCorrupt as error:
            return str(error)
    return look(home)


def look_at_refused(home: Path) -> str:
    """What is served, and where the refused generation is: in one place, with the reason or without."""
    staged = [*(home / "staging").glob("v*")]
    rejected = [*(home / QUARANTINE).glob("v*@*")]
    if len(staged) + len(rejected) != 1:
        return f"refused {len(staged) + len(rejected)} times"
    if staged:
        return f"{look(home)}, staged"
    reason = rejected[0] / REASON
    said = [each["code"] for each in _read_json(reason)["refusals"]] if reason.exists() else "not said why"
    return f"{look(home)}, refused: {said}"


def _read_json(path: Path) -> dict[str, Sequence[dict[str, str]]]:
    try:
        found: dict[str, Sequence[dict[str, str]]] = json.loads(path.read_bytes())
    except ValueError:
        return {"refusals": [{"code": "damaged"}]}
    return found


def prepare_corrupt(home: Path) -> None:
    """Version 1 is served from two shards, the second of which is corrupt."""
    prepare_build(home)
    (shard,) = (home / EMBEDDINGS).glob(f"*/{CORRUPT}")
    raw = bytearray(shard.read_bytes())
    raw[len(raw) // 2] ^= 1
    shard.write_bytes(raw)


def repair_all(home: Path) -> None:
    """Move what is corrupt aside."""
    with open_catalog(home) as catalog:
        repair(catalog, home, verify(home).problems)


def look_at_corrupt(home: Path) -> str:
    """What is served, and where the corrupt shard is."""
    places = [path.relative_to(home).parts[0] for path in home.rglob(CORRUPT)]
    return f"{served(home)}, {places}" if places == [EMBEDDINGS] else f"{look(home)}, {places}"


def finish_repair(home: Path) -> str:
    """It is moved aside again if it came back; its clips are embedded again, and the next build is published."""
    repair_all(home)
    with open_catalog(home) as catalog:
        pending = tuple(clip.clip_id for clip in catalog.pending_clips(SPACE.key))
    embed(home, pending)
    return "" if len(pending) == 2 and build_and_publish(home) == 2 and look(home) == "2" else look(home)


def make_a_file(home: Path) -> None:
    """In a folder that is made for it."""
    make_folder(home / "embeddings" / "space")
    write_file(home / "embeddings" / "space" / "file", [b"first, ", b"second"])


def look_at_file(home: Path) -> str:
    """Whether it is there, and whole."""
    path = home / "embeddings" / "space" / "file"
    content = path.read_bytes() if path.exists() else None
    return {None: "absent", b"first, second": "whole"}.get(content, f"{content!r}")


PLOTS = {
    "publishing": Plot(
        prepare=prepare_build,
        act=publish_next,
        read=look,
        allowed=frozenset({"1", "2"}),
        promised="2",
        finish=finish_publishing,
    ),
    "sealing": Plot(
        prepare=prepare_seal,
        act=seal,
        read=look_at_shard,
        allowed=frozenset({"1 without", "1 with"}),
        promised="1 with",
        finish=finish_seal,
    ),
    "first_folder": Plot(
        prepare=lambda home: None,
        act=make_a_file,
        read=look_at_file,
        allowed=frozenset({"absent", "whole"}),
        promised="whole",
    ),
    "rollback": Plot(
        prepare=prepare_collect,
        act=lambda home: rollback(home, 2),
        read=look,
        allowed=frozenset({"2", "4"}),
        promised="2",
        finish=finish_rollback,
    ),
    "collecting": Plot(
        prepare=prepare_collect,
        act=lambda home: collect(home, KEEP_TWO),
        read=look_at_versions,
        allowed=frozenset({"4"}),
        promised="4",
        seen=("embeddings", f"{VERSIONS}/v"),
        finish=finish_collect,
    ),
    "refusing": Plot(
        prepare=prepare_refusal,
        act=refused,
        read=look_at_refused,
        allowed=frozenset({"1, staged", "1, refused: not said why", "1, refused: ['golden']"}),
        promised="1, refused: ['golden']",
        seen=("embeddings", "staging", QUARANTINE),
        finish=finish_refusal,
    ),
    "setting_a_shard_aside": Plot(
        prepare=prepare_corrupt,
        act=repair_all,
        read=look_at_corrupt,
        allowed=frozenset({f"1, {[EMBEDDINGS]}", f"1, {[QUARANTINE]}"}),
        promised=f"1, {[QUARANTINE]}",
        seen=("embeddings", QUARANTINE),
        finish=finish_repair,
    ),
}
"""Every writer of what is served, embedded or kept aside."""
