"""Pages: they add up to the whole, and a token serves only the request and generation that made it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pb import soundkin_pb2 as pb
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_space, write_generation
from tests.server.ask import by_id, refusal
from tests.server.conftest import Serve, Served, serving

COUNT = 13
"""Artists beside the seed; every three share a score, so that pages cut through ties."""

_ANGLES = [0.3 * (row // 3) for row in range(COUNT)]
MANY = MadeCatalog(
    artists=(
        MadeArtist(id="seed", name="Seed", tracks=(MadeTrack(id="s", title="S", vectors={"only": (1.0, 0.0)}),)),
        *(
            MadeArtist(
                id=f"a{row:02d}",
                name=f"A{row}",
                tracks=(MadeTrack(id=f"t{row:02d}", title="T", vectors={"only": (1.0, angle)}),),
            )
            for row, angle in enumerate(_ANGLES)
        ),
    ),
    space=make_space(("only",)),
)
WHOLE = [f"a{row:02d}" for row in range(COUNT)]
"""Nearest first, ties by id: by construction the order of the ids."""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on :data:`MANY`."""
    home = tmp_path_factory.mktemp("many")
    write_generation(home, MANY)
    with serving(home) as served:
        yield served


def page(many: Served, limit: int, token: str = "") -> tuple[list[str], str]:
    request = pb.SimilarArtistsRequest(seeds=by_id("seed"), limit=limit, page_token=token)
    reply = many.stub.SimilarArtists(request)
    return [scored.artist.id for scored in reply.artists], reply.next_page_token


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, COUNT + 2), min_size=COUNT, max_size=COUNT))
def test_pages_of_any_size_add_up_to_the_whole_ranking(many: Served, sizes: list[int]) -> None:
    seen: list[str] = []
    token = ""
    for size in sizes:
        ids, token = page(many, size, token)
        seen += ids
        assert len(ids) == min(size, COUNT - len(seen) + len(ids))
        if not token:
            break
    assert seen == WHOLE
    assert not token


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_two_pages_are_the_first_two_n(many: Served, n: int) -> None:
    first, token = page(many, n)
    second, _ = page(many, n, token)
    assert first + second == page(many, 2 * n)[0]


def test_the_last_page_has_no_token_even_when_it_is_full(many: Served) -> None:
    assert page(many, COUNT - 1)[1]
    assert page(many, COUNT) == (WHOLE, "")


def test_no_limit_means_ten(many: Served) -> None:
    assert page(many, 0)[0] == WHOLE[:10]


def test_tracks_are_paged_the_same_way(many: Served) -> None:
    request = pb.SimilarTracksRequest(track=pb.TrackRef(id="s"), limit=4, allow_near_duplicates=True)
    seen = []
    while True:
        reply = many.stub.SimilarTracks(request)
        seen += [scored.track.id for scored in reply.tracks]
        request.page_token = reply.next_page_token
        if not reply.next_page_token:
            break
    assert seen == [f"t{row:02d}" for row in range(COUNT)]


@pytest.mark.parametrize("place", range(0, 37, 4))
def test_an_altered_token_is_refused(many: Served, place: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(page(many, 3)[1] + "=="))
    raw[place] ^= 1
    token = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    refused = refusal(many.stub.SimilarArtists, pb.SimilarArtistsRequest(seeds=by_id("seed"), page_token=token))
    assert (refused.code.name, refused.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")


@pytest.mark.parametrize("token", ["A", "====", "not a token", "é", "AAAA" * 500])
def test_what_never_was_a_token_is_refused(many: Served, token: str) -> None:
    refused = refusal(many.stub.SimilarArtists, pb.SimilarArtistsRequest(seeds=by_id("seed"), page_token=token))
    assert refused.reason == "INVALID_PAGE_TOKEN"


def test_a_token_of_another_request_is_refused(many: Served) -> None:
    token = page(many, 3)[1]
    for other in (
        pb.SimilarArtistsRequest(seeds=by_id("a01"), page_token=token),
        pb.SimilarArtistsRequest(seeds=by_id("seed"), explain=True, page_token=token),
    ):
        assert "another request" in refusal(many.stub.SimilarArtists, other).message
    tracks = pb.SimilarTracksRequest(track=pb.TrackRef(id="s"), page_token=token)
    assert "another request" in refusal(many.stub.SimilarTracks, tracks).message


def test_a_token_of_another_generation_is_refused_and_says_so(many: Served, serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MANY, version=2)
    newer = serve(tmp_path)
    token = page(many, 3)[1]
    refused = refusal(newer.stub.SimilarArtists, pb.SimilarArtistsRequest(seeds=by_id("seed"), page_token=token))
    assert refused.reason == "INVALID_PAGE_TOKEN"
    assert "another generation" in refused.message
