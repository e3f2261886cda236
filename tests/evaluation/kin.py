"""A catalog with known truth: four families of three artists, alike in sound and genre within a family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_space

FAMILIES = 4
EACH = 3
SOUND = "sound"
"""The layer that separates families; the default."""
NOISE = "noise"
"""The layer of random vectors."""


def artist_id(family: int, member: int) -> str:
    return f"f{family}m{member}"


def name(family: int, member: int) -> str:
    return f"Family {family} Member {member}"


def catalog() -> MadeCatalog:
    """The default layer is ``sound``; ``noise`` is random for every track. Only family 0 is in the scene data."""
    random = np.random.default_rng(0)
    artists = [
        MadeArtist(
            id=artist_id(family, member),
            name=name(family, member),
            external_ids={"mbid": f"mbid-{family}-{member}"},
            genres={f"genre {family}": 1.0} if member < 2 else {},
            tracks=tuple(_track(random, family, member, number) for number in range(4)),
        )
        for family in range(FAMILIES)
        for member in range(EACH)
    ]
    return MadeCatalog(
        artists=(*artists, MadeArtist(id="z", name="Silent", genres={"genre 0": 1.0})),
        space=make_space((SOUND, NOISE), dim=8),
        scene={(artist_id(0, 0), artist_id(0, 1)): 0.9, (artist_id(0, 0), artist_id(0, 2)): 0.5},
        scene_listed=(artist_id(0, 0),),
    )


def _track(random: np.random.Generator, family: int, member: int, number: int) -> MadeTrack:
    """The family is loudest, the member less so, and each track differs a little."""
    sound = np.zeros(8)
    sound[family] = 1.0
    sound[4 + member] = 0.5
    vectors = {SOUND: (sound + random.normal(scale=0.05, size=8)).tolist(), NOISE: random.normal(size=8).tolist()}
    return MadeTrack(title=f"Song {number}", id=f"{artist_id(family, member)}t{number}", vectors=vectors)


def families_csv(path: Path, extra: Sequence[str] = ()) -> Path:
    """A truth file that lists each artist's family; ``extra`` lines come last."""
    lines = [
        f"{name(family, member)},{name(family, other)},{2 if other < member else 1}"
        for family in range(FAMILIES)
        for member in range(EACH)
        for other in range(EACH)
        if other != member
    ]
    path.write_text("\n".join(["query,item,grade", *lines, *extra]) + "\n")
    return path
