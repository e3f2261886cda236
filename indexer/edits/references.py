"""Finds the artist, track or clip that a word on the command line means, in the catalog as the next build reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from indexer.edits.view import View
from recommender.catalog.edits import Merge, Removal
from recommender.catalog.rows import Artist, Track
from recommender.errors import AmbiguousName, InvalidArgument, NotFound, Suggestion
from recommender.names import NAMESPACES, fold

_ID = "id:"
_DASH = " - "
_HOW_TO_ASK = "give its name as it is spelled, its id, or an external id such as mbid:…"
_SUGGESTED = 3
"""Artists that are suggested where a name is nobody's."""


class References:
    """Look-ups in one view of the catalog, after the edits in force."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._artists = {artist.id: artist for artist in view.rows.artists}
        self._tracks = {track.id: track for track in view.rows.tracks}
        self._external = {(row.namespace, row.value): row.artist_id for row in view.rows.external_ids}
        self._by_name: defaultdict[str, set[str]] = defaultdict(set)
        for row in view.rows.names:
            self._by_name[row.folded].add(row.artist_id)

    def artist(self, ref: str) -> Artist:
        """The artist with our id ``ref``, with the external id ``namespace:value``, or called so.

        Raises:
            InvalidArgument: the reference is blank.
            NotFound: there is none, or an edit removed it or merged it into another.
            AmbiguousName: several are called so; the error lists them with their ids.
        """
        if not fold(ref):
            raise InvalidArgument("artist", "is blank")
        owners = self._artists_called(ref)
        if len(owners) > 1:
            labels = [(owner, self._artist_label(owner)) for owner in owners]
            raise AmbiguousName("artist", ref, labels)
        if not owners:
            hint = self._why_no_artist(ref)
            raise NotFound("artist", ref, hint or _HOW_TO_ASK, () if hint else self._suggestions(ref))
        return self._artists[owners[0]]

    def track(self, ref: str) -> Track:
        """The track with our id ``ref``, or the one that "Artist - Title" means. Raises as :meth:`artist`."""
        if ref.removeprefix(_ID) in self._tracks:
            return self._tracks[ref.removeprefix(_ID)]
        matches = self._tracks_called(ref)
        if len(matches) > 1:
            raise AmbiguousName("track", ref, [(track.id, self.track_label(track)) for track in matches])
        if not matches:
            hint = 'give its id, or "Artist - Title" as soundkin tracks prints them'
            raise NotFound("track", ref, self._edited("track", ref.removeprefix(_ID)) or hint)
        return matches[0]

    def clips_of(self, tracks: Iterable[Track]) -> tuple[str, ...]:
        """The clips of these tracks, by id."""
        wanted = {track.id for track in tracks}
        return tuple(clip.clip_id for clip in self._view.rows.clips if clip.track_id in wanted)

    def clip(self, clip_id: str) -> Track:
        """The track of a clip. Raises NotFound when no track has it."""
        track_id = next((clip.track_id for clip in self._view.rows.clips if clip.clip_id == clip_id), None)
        if track_id is None:
            hint = "give its id, or the path of its file, as soundkin problems prints it"
            raise NotFound("clip", clip_id, self._edited("clip", clip_id) or hint)
        return self._tracks[track_id]

    def track_label(self, track: Track) -> str:
        """Artist and title, and the album where there is one."""
        label = f"{self._artists[track.artist_id].name}{_DASH}{track.title}"
        return f"{label} ({track.album})" if track.album else label

    def _artists_called(self, ref: str) -> list[str]:
        """Ids of the artists that ``ref`` may mean: an id comes before an external id, and that before a name."""
        if ref.removeprefix(_ID) in self._artists:
            return [ref.removeprefix(_ID)]
        namespace, _, value = ref.partition(":")
        pair = namespace.strip().lower(), value.strip()
        for key in (pair, (pair[0], pair[1].lower())):
            if key in self._external:
                return [self._external[key]]
        return sorted(self._by_name.get(fold(ref), ()))

    def _tracks_called(self, ref: str) -> list[Track]:
        """Tracks that "Artist - Title" may mean. Names and titles may have such a dash too, so each is tried."""
        wanted: set[tuple[str, str]] = set()
        words = ref.split(_DASH)
        for cut in range(1, len(words)):
            title = fold(_DASH.join(words[cut:]))
            wanted |= {(owner, title) for owner in self._artists_called(_DASH.join(words[:cut]))}
        if not wanted:
            return []
        return [track for track in self._tracks.values() if (track.artist_id, fold(track.title)) in wanted]

    def _artist_label(self, artist_id: str) -> str:
        pairs = sorted(pair for pair, owner in self._external.items() if owner == artist_id)
        tracks = sum(track.artist_id == artist_id for track in self._tracks.values())
        facts = [*(f"{namespace}:{value}" for namespace, value in pairs), f"tracks: {tracks}"]
        return f"{self._artists[artist_id].name} [{', '.join(facts)}]"

    def _why_no_artist(self, ref: str) -> str:
        edited = self._edited("artist", ref.removeprefix(_ID))
        if edited:
            return edited
        if ref.partition(":")[0].lower() in NAMESPACES:
            return "no artist has this external id"
        return ""

    def _suggestions(self, ref: str) -> list[Suggestion]:
        """The artists that may be meant, best first."""
        from recommender.lookup.likely_names import LikelyNames  # its index takes seconds, and most words need none

        likely = LikelyNames(sorted(self._by_name)).find(ref)
        owners = {owner: one for one in reversed(likely) for owner in sorted(self._by_name[one.name])}
        best = sorted(owners.items(), key=lambda item: (-item[1].score, item[0]))[:_SUGGESTED]
        return [
            Suggestion(artist_id=owner, artist_name=self._artists[owner].name, score=one.score, why=one.why)
            for owner, one in best
        ]

    def _edited(self, what: str, identifier: str) -> str:
        """Which edit in force took it away; empty when none did."""
        for edit in self._view.edits:
            subject, undo = edit.subject, f"; soundkin catalog restore {edit.id} undoes that"
            if edit.undone_at is not None or edit.id not in self._view.plan.effective:
                continue
            if isinstance(subject, Merge) and what == "artist" and identifier in (subject.artist, subject.label):
                return f"edit {edit.id} merged it into {subject.into_label}{undo}"
            if isinstance(subject, Removal) and subject.what == what and identifier in (subject.id, subject.label):
                return f"edit {edit.id} removed it{undo}"
        return ""
