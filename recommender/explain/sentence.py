"""Makes one plain sentence of the facts of an explanation: what two artists share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from recommender.generation.contents import Contents
from recommender.lookup import Directory
from recommender.types import Explanation

MAX_NAMED = 3
"""How many shared things of a kind are named."""


def sentence(contents: Contents, directory: Directory, explanation: Explanation, *, a: int, b: int) -> str:
    """The sentence for artists at rows ``a`` and ``b``; empty when nothing they share is on record."""
    names = contents.artists.names
    clauses = list(_clauses(contents, explanation, lambda identifier: names[directory.artist_by_id(identifier)]))
    return f"{names[a]} and {names[b]}: {'; '.join(clauses)}." if clauses else ""


def _clauses(contents: Contents, why: Explanation, name_of: Callable[[str], str]) -> Iterator[str]:
    if why.genres:
        yield f"both are {listed([genre for genre, _ in why.genres])}"
    if why.listed_together > 0:
        yield "the scene lists them together"
    if why.scene_neighbours:
        yield f"both are listed with {listed([name_of(one) for one, _ in why.scene_neighbours])}"
    if why.scene_paths and not why.listed_together and not why.scene_neighbours:
        between = [" and ".join(name_of(one) for one in via) for via, _ in why.scene_paths]
        yield f"the scene leads from one to the other over {' or over '.join(between)}"
    if why.collaborations:
        yield f"they share {listed([_recording(*made) for made in why.collaborations])}"
    if why.nearest_tracks is not None and why.nearest_tracks[2] > 0:
        ours, theirs, _ = why.nearest_tracks
        yield sound_nearest(contents.tracks.titles[ours], contents.tracks.titles[theirs], why.aspect)


def sound_nearest(ours: str, theirs: str, aspect: str) -> str:
    """
    >>> sound_nearest("One", "Two", "rhythm"), sound_nearest("One", "Two", "")
    ('“One” and “Two” sound nearest, above all in rhythm', '“One” and “Two” sound nearest')
    """
    return f"“{ours}” and “{theirs}” sound nearest{f', above all in {aspect}' if aspect else ''}"


def _recording(kind: str, title: str) -> str:
    """
    >>> _recording("remix", "Again"), _recording("member", "")
    ('“Again” (remix)', 'a record (member)')
    """
    return f"“{title}” ({kind})" if title else f"a record ({kind})"


def listed(words: Sequence[str]) -> str:
    """
    >>> listed(["dub"]), listed(["dub", "techno"]), listed(["a", "b", "c", "d", "e"])
    ('dub', 'dub and techno', 'a, b, c and 2 more')
    """
    more = len(words) - MAX_NAMED
    shown = [*words[:MAX_NAMED], f"{more} more"] if more > 0 else list(words)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
