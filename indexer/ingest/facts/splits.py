"""Credits the clips that an operator split from an artist to an artist of their own: ``soundkin catalog split``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from recommender.catalog.edits import CatalogEdit, Split
from recommender.catalog.facts_of_files import DerivedArtist


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The splits of a catalog: those in force decide who made a clip, whatever its files say."""

    artist_of: Mapping[str, str]
    """Clip id -> the artist that a split in force credits it to."""
    names: Mapping[str, str]
    """Artist of a split in force -> its name."""
    artists: frozenset[str]
    """Artists of all splits, undone ones too: a file that only has such a name belongs to another artist first."""
    _owners: Mapping[tuple[str, str], str]
    """(artist of a split, clip id) -> the artist that the clip left."""

    def owners_before(self, owners: Mapping[str, str]) -> dict[str, str]:
        """Clip id -> artist that it would belong to without splits. ``owners``: that it belongs to now.

        A name that fits several artists means the one that the file belongs to. Without this, it would fit none of them
        once a split is undone.
        """
        before = dict(owners)
        for clip_id, owner in owners.items():
            while (owner, clip_id) in self._owners:
                owner = self._owners[owner, clip_id]
            before[clip_id] = owner
        return before

    def add_to(self, artists: Iterable[DerivedArtist], present: Collection[str]) -> list[DerivedArtist]:
        """``artists`` and those of the splits that are ``present``: they have a recording."""
        derived = {artist.id: artist for artist in artists}
        for artist_id, name in sorted(self.names.items()):
            if artist_id in derived:  # files have its name too
                names = derived[artist_id].names | {name}
                derived[artist_id] = replace(derived[artist_id], name=name, names=names)
            elif artist_id in present:
                derived[artist_id] = DerivedArtist(
                    id=artist_id, name=name, names=frozenset({name}), external_ids=frozenset()
                )
        return list(derived.values())


def read_splits(edits: Sequence[CatalogEdit]) -> Splits:
    """The splits among all ``edits`` of a catalog. Of two that name one clip the later is believed."""
    splits = [(edit, edit.subject) for edit in edits if isinstance(edit.subject, Split)]
    in_force = [subject for edit, subject in splits if edit.undone_at is None]
    return Splits(
        artist_of={clip_id: subject.new_artist for subject in in_force for clip_id in subject.clips},
        names={subject.new_artist: subject.name for subject in in_force},
        artists=frozenset(subject.new_artist for _, subject in splits),
        _owners={(subject.new_artist, clip_id): owner for _, subject in splits for clip_id, owner in subject.owners},
    )
