"""ResolveArtists, GetArtist, GetTrack, ListAspects and GetIndexInfo over a real channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_status import rpc_status

from pb import soundkin_pb2 as pb
from tests.factories import MadeCatalog, write_generation
from tests.server.ask import by_id, by_name, refusal
from tests.server.conftest import Serve, Served


def test_every_reference_gets_its_own_answer_in_order(made: Served) -> None:
    refs = [
        by_name("ce"),
        by_name("twin"),
        by_name("nobody"),
        by_name("  "),
        pb.ArtistRef(),
        pb.ArtistRef(external_id=pb.ExternalId(namespace="mbid", value="m-a")),
        pb.ArtistRef(external_id=pb.ExternalId(namespace="mbid")),
        *by_id("d"),
    ]
    reply = made.stub.ResolveArtists(pb.ResolveArtistsRequest(refs=refs))
    found = [
        (pb.Resolution.Name(answer.resolution)[11:], [artist.id for artist in answer.candidates], answer.not_indexed)
        for answer in reply.artists
    ]
    assert found == [
        ("FOUND", ["c"], False),
        ("AMBIGUOUS", ["e", "f"], False),
        ("NOT_FOUND", [], False),
        ("INVALID", [], False),
        ("INVALID", [], False),
        ("FOUND", ["a"], False),
        ("INVALID", [], False),
        ("FOUND", ["d"], True),
    ]
    assert [answer.ref for answer in reply.artists] == refs
    assert [answer.message for answer in reply.artists][:4] == [
        "",
        "2 artists are called 'twin'; ask by id: Twin [tracks: 0] (e), TWIN [tracks: 0] (f)",
        "no artist 'nobody'; no spelling or alias matches",
        "ref.name: is blank",
    ]


def test_a_line_of_several_names_is_answered_name_by_name(made: Served) -> None:
    refs = [by_name(name) for name in ("Bee b2b Nobody", "Bee, Ce", "Bee, Nobody", "twin (live)")]
    one, two, unknown, twin = made.stub.ResolveArtists(pb.ResolveArtistsRequest(refs=refs)).artists
    assert [answer.resolution for answer in (one, two)] == [pb.RESOLUTION_SEVERAL] * 2
    parts = [(part.ref.name, part.resolution) for part in one.parts]
    assert parts == [("Bee", pb.RESOLUTION_FOUND), ("Nobody", pb.RESOLUTION_NOT_FOUND)]
    assert [part.candidates[0].id for part in two.parts] == ["b", "c"]
    assert (unknown.resolution, len(unknown.parts)) == (pb.RESOLUTION_NOT_FOUND, 0)
    assert (twin.resolution, twin.read_as, len(twin.candidates)) == (pb.RESOLUTION_AMBIGUOUS, "twin", 2)


def test_suggestions_of_one_request_are_bounded(made: Served) -> None:
    refs = [by_name("The Bee")] * 25
    answers = made.stub.ResolveArtists(pb.ResolveArtistsRequest(refs=refs)).artists
    assert sum(bool(answer.suggestions) for answer in answers) == 20


def test_an_error_has_suggestions_in_its_details(made: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        made.stub.GetArtist(pb.GetArtistRequest(artist=by_name("The Dee")))
    details = pb.Suggestions()
    error: Any = caught.value
    assert any(detail.Unpack(details) for detail in rpc_status.from_call(error).details)
    assert [(one.artist.id, one.score, one.why) for one in details.suggestions] == [("d", 0.99, "the")]
    batch = pb.BatchSimilarArtistsRequest(requests=[pb.SimilarArtistsRequest(seeds=[by_name("The Dee")])])
    (entry,) = made.stub.BatchSimilarArtists(batch).entries
    assert [one.artist.name for one in entry.suggestions] == ["Dee"]


def test_more_than_a_thousand_references_are_refused(made: Served) -> None:
    request = pb.ResolveArtistsRequest(refs=[by_name("Ay")] * 1001)
    assert refusal(made.stub.ResolveArtists, request).field == "refs"


def test_no_reference_gets_no_answer(made: Served) -> None:
    reply = made.stub.ResolveArtists(pb.ResolveArtistsRequest())
    assert (list(reply.artists), reply.generation.version) == ([], 1)


def test_an_artist_is_shown_with_everything_known_of_it(made: Served) -> None:
    reply = made.stub.GetArtist(pb.GetArtistRequest(artist=by_name("ay")))
    assert (reply.artist.id, reply.artist.name, list(reply.aliases)) == ("a", "Ay", ["A Y", "The Ay"])
    assert [(item.namespace, item.value) for item in reply.external_ids] == [("mbid", "m-a")]
    assert [(item.genre, item.weight) for item in reply.genres] == [("y", 1.0), ("x", 0.5)]
    assert [(track.id, track.title) for track in reply.tracks] == [("t0", "Song"), ("t2", "Unheard")]
    assert not reply.not_indexed
    assert list(reply.signals) == [pb.SIGNAL_AUDIO, pb.SIGNAL_SCENE, pb.SIGNAL_GENRE]


def test_an_artist_without_embedding_says_so(made: Served) -> None:
    reply = made.stub.GetArtist(pb.GetArtistRequest(artist=by_id("d")[0]))
    assert reply.not_indexed
    assert list(reply.signals) == [pb.SIGNAL_COLLABORATION]


def test_a_track_is_shown_with_its_clips(made: Served) -> None:
    heard = made.stub.GetTrack(pb.GetTrackRequest(track=pb.TrackRef(id="t0")))
    silent = made.stub.GetTrack(pb.GetTrackRequest(track=pb.TrackRef(name=pb.TrackName(title=" UNHEARD "))))
    assert (heard.track.title, heard.track.artist.name, heard.not_indexed, heard.clips) == ("Song", "Ay", False, 1)
    assert (silent.track.id, silent.not_indexed, silent.clips) == ("t2", True, 0)


def test_aspects_come_with_their_layers_and_evidence(made: Served) -> None:
    aspects = made.stub.ListAspects(pb.ListAspectsRequest()).aspects
    assert [aspect.name for aspect in aspects] == ["hears low", "hears high", "both"]
    assert {entry.layer: entry.weight for entry in aspects[2].layers.layers} == {"low": 0.5, "high": 0.5}
    assert aspects[0].evidence == "by construction"


def test_index_info_counts_what_each_signal_knows(made: Served) -> None:
    info = made.stub.GetIndexInfo(pb.GetIndexInfoRequest())
    assert (info.artists, info.artists_indexed, info.tracks, info.tracks_indexed) == (6, 3, 4, 3)
    assert [(pb.Signal.Name(entry.signal)[7:], entry.artists) for entry in info.signals] == [
        ("AUDIO", 3),
        ("SCENE", 2),
        ("GENRE", 3),
        ("COLLABORATION", 2),
    ]
    assert [(layer.name, layer.default_weight) for layer in info.layers] == [("low", 1.0), ("high", 0.0)]
    assert (info.encoder, info.encoder_licence, info.dim, info.profile) == ("made", "own", 2, "personal")
    assert (list(info.weight_profiles), info.default_weight_profile) == (["evidence", "seed"], "evidence")


def test_an_empty_catalog_is_served_and_knows_nobody(serve: Serve, tmp_path: Path) -> None:
    write_generation(tmp_path, MadeCatalog(artists=()))
    empty = serve(tmp_path)
    assert empty.stub.GetIndexInfo(pb.GetIndexInfoRequest()).artists == 0
    refused = refusal(empty.stub.SimilarArtists, pb.SimilarArtistsRequest(seeds=[by_name("Ay")]))
    assert refused.code.name == "NOT_FOUND"
