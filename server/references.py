"""Who or what a reference in a request means: refs of the contract -> rows of a generation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument
from recommender.lookup import Directory


def find_artist(directory: Directory, ref: pb.ArtistRef, field: str) -> int:
    """Row of the artist that ``ref`` names; ``field`` is where it stands in the request.

    Raises:
        InvalidArgument: the reference is empty or blank.
        NotFound: nobody is meant.
        AmbiguousName: several are.
    """
    with _within(field):
        match ref.WhichOneof("ref"):
            case "id":
                return directory.artist_by_id(_given("id", ref.id))
            case "external_id":
                foreign = ref.external_id
                namespace = _given("external_id.namespace", foreign.namespace)
                return directory.artist_by_external_id(namespace, _given("external_id.value", foreign.value))
            case "name":
                return directory.artist_by_name(ref.name)
    raise InvalidArgument(field, "names nobody; set id, external_id or name")


def find_artists(directory: Directory, refs: Sequence[pb.ArtistRef], field: str) -> list[int]:
    """Rows of all ``refs``, in order. Raises as :func:`find_artist` does, at the first that cannot be found."""
    return [find_artist(directory, ref, f"{field}[{place}]") for place, ref in enumerate(refs)]


def find_track(directory: Directory, ref: pb.TrackRef, field: str) -> int:
    """Row of the track that ``ref`` names. Raises InvalidArgument, NotFound or AmbiguousName."""
    with _within(field):
        match ref.WhichOneof("ref"):
            case "id":
                return directory.track_by_id(_given("id", ref.id))
            case "name":
                return directory.track_by_name(ref.name.title, ref.name.artist)
    raise InvalidArgument(field, "names no track; set id or name")


def _given(field: str, text: str) -> str:
    if not text.strip():
        raise InvalidArgument(field, "is blank")
    return text


@contextmanager
def _within(field: str) -> Iterator[None]:
    """Name the fields of errors from the request's root: ``name`` becomes ``seeds[0].name``."""
    try:
        yield
    except InvalidArgument as error:
        raise InvalidArgument(f"{field}.{error.field}", error.problem) from error
