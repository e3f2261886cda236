"""MakePlaylist over a real channel, and what a server answers about files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from pb import soundkin_pb2 as pb
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, write_generation
from tests.server.ask import by_id, by_name, refusal
from tests.server.conftest import Served, serving

FOLDER = "/srv/secret music"
MADE = MadeCatalog(
    artists=(
        MadeArtist(
            id="a",
            name="Ay",
            tracks=(
                MadeTrack(
                    id="t0",
                    title="Song",
                    album="First",
                    credit="Ay feat. Bee",
                    length_ms=61_000,
                    path=f"{FOLDER}/song.ogg",
                    vectors={"low": (1, 0), "high": (1, 0)},
                ),
                MadeTrack(id="t1", title="Silent", path=f"{FOLDER}/silent.ogg"),
            ),
        ),
        MadeArtist(
            id="b",
            name="Bee",
            tracks=(
                MadeTrack(id="t2", title="Tune", path=f"{FOLDER}/tune.ogg", vectors={"low": (3, 4), "high": (0, 1)}),
            ),
        ),
        MadeArtist(id="c", name="Cé"),
    )
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("paths")
    write_generation(home, MADE)
    return home


@pytest.fixture(scope="module", params=[False, True], ids=["paths hidden", "paths shown"])
def server(request: pytest.FixtureRequest, home: Path) -> Any:  # Any: a generator
    with serving(home, show_paths=request.param) as served:
        yield served, request.param


REQUESTS: dict[str, Any] = {  # Any: messages of several types
    "SimilarArtists": pb.SimilarArtistsRequest(seeds=by_id("a"), explain=True),
    "BatchSimilarArtists": pb.BatchSimilarArtistsRequest(
        requests=[pb.SimilarArtistsRequest(seeds=by_id("a"), explain=True)]
    ),
    "RankArtists": pb.RankArtistsRequest(seeds=by_id("a"), candidates=by_id("b"), explain=True),
    "CompareArtists": pb.CompareArtistsRequest(a=by_name("ay"), b=by_name("bee")),
    "SimilarTracks": pb.SimilarTracksRequest(track=pb.TrackRef(id="t0")),
    "MakePlaylist": pb.MakePlaylistRequest(tracks=[pb.TrackRef(id="t0"), pb.TrackRef(id="t1")]),
    "GetArtist": pb.GetArtistRequest(artist=by_name("ay")),
    "GetTrack": pb.GetTrackRequest(track=pb.TrackRef(id="t0")),
    "ResolveArtists": pb.ResolveArtistsRequest(refs=[by_name("ay")]),
    "ListAspects": pb.ListAspectsRequest(),
    "GetIndexInfo": pb.GetIndexInfoRequest(),
}
WITH_TRACKS = {
    "SimilarArtists",
    "BatchSimilarArtists",
    "RankArtists",
    "CompareArtists",
    "SimilarTracks",
    "MakePlaylist",
    "GetArtist",
    "GetTrack",
}


@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_where_files_are_is_answered_only_by_a_server_that_may(server: tuple[Served, bool], method: str) -> None:
    served, shows = server
    reply = served.raw(method)(REQUESTS[method].SerializeToString())
    assert isinstance(reply, bytes)
    assert (FOLDER.encode() in reply) == (shows and method in WITH_TRACKS)


def test_no_error_says_where_a_file_is(server: tuple[Served, bool]) -> None:
    served, _ = server
    for request in (
        pb.MakePlaylistRequest(first=pb.TrackRef(id="t0"), last=pb.TrackRef(id="t1")),
        pb.MakePlaylistRequest(tracks=[pb.TrackRef(id="none")]),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            served.stub.MakePlaylist(request)
        error: Any = caught.value  # Any: it is also its call
        assert FOLDER not in f"{error.details()}{error.trailing_metadata()}"


def test_a_track_has_its_album_its_length_and_its_credit(server: tuple[Served, bool]) -> None:
    served, shows = server
    track = served.stub.GetTrack(REQUESTS["GetTrack"]).track
    assert (track.album, track.duration_ms, track.credit) == ("First", 61_000, "Ay feat. Bee")
    assert track.path == (f"{FOLDER}/song.ogg" if shows else "")


def test_a_list_says_what_could_not_take_part(server: tuple[Served, bool]) -> None:
    served, _ = server
    asked = pb.MakePlaylistRequest(artists=by_id("c"), tracks=[pb.TrackRef(id="t0"), pb.TrackRef(id="t1")])
    reply = served.stub.MakePlaylist(asked)
    assert [one.track.id for one in reply.tracks] == ["t0", "t2"]
    assert [track.id for track in reply.not_indexed] == ["t1"]
    assert [artist.id for artist in reply.artists_not_indexed] == ["c"]
    assert served.raw("MakePlaylist")(asked.SerializeToString()) == served.raw("MakePlaylist")(
        asked.SerializeToString()
    )


SONG, TUNE = pb.TrackRef(id="t0"), pb.TrackRef(id="t2")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.MakePlaylistRequest(), "tracks"),
        (pb.MakePlaylistRequest(first=SONG), "last"),
        (pb.MakePlaylistRequest(last=SONG), "first"),
        (pb.MakePlaylistRequest(first=SONG, last=TUNE, tracks=[SONG]), "first"),
        (pb.MakePlaylistRequest(first=SONG, last=SONG), "last"),
        (pb.MakePlaylistRequest(first=SONG, last=pb.TrackRef(id="t1")), "last"),
        (pb.MakePlaylistRequest(tracks=[SONG] * 33), "tracks"),
        (pb.MakePlaylistRequest(artists=by_id("a") * 101), "artists"),
        (pb.MakePlaylistRequest(tracks=[SONG], limit=1001), "limit"),
        (pb.MakePlaylistRequest(tracks=[pb.TrackRef()]), "tracks[0]"),
    ],
)
def test_a_request_without_a_meaning_names_the_field(
    server: tuple[Served, bool], request_: pb.MakePlaylistRequest, field: str
) -> None:
    refused = refusal(server[0].stub.MakePlaylist, request_)
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)


def test_a_chain_has_its_ends(server: tuple[Served, bool]) -> None:
    reply = server[0].stub.MakePlaylist(pb.MakePlaylistRequest(first=SONG, last=TUNE))
    assert [one.track.id for one in reply.tracks] == ["t0", "t2"]
    assert reply.tracks[1].cosine == pytest.approx(0.6)
