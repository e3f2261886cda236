"""SimilarTracks over a real channel: by track, by vector, by layer, aspect and mix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pb import soundkin_pb2 as pb
from server import limits
from server.client import commands
from tests.encoder_process import music
from tests.factories import MadeArtist, MadeCatalog, MadeTrack, make_space, write_generation
from tests.server.ask import refusal
from tests.server.conftest import CLIPS, STYLES, Served, serving

T0 = pb.TrackRef(id="t0")


def ask(made: Served, **request: Any) -> pb.SimilarTracksResponse:  # Any: whatever the message takes
    reply: pb.SimilarTracksResponse = made.stub.SimilarTracks(pb.SimilarTracksRequest(**request))
    return reply


def cosines(reply: pb.SimilarTracksResponse) -> list[tuple[str, float]]:
    return [(scored.track.id, round(scored.cosine, 6)) for scored in reply.tracks]


def vector(*values: float, layer: str = "low", space: str = make_space().key) -> pb.SpaceVector:
    return pb.SpaceVector(space=space, layer=layer, values=values)


@pytest.mark.parametrize(
    ("listening", "expected"),
    [
        (None, [("t1", 0.6), ("t3", 0.0)]),
        (pb.Listening(layer="high"), [("t3", 1.0), ("t1", 0.0)]),
        (pb.Listening(aspect="both"), [("t3", 0.5), ("t1", 0.3)]),
    ],
    ids=["default", "layer", "aspect"],
)
def test_tracks_are_ordered_by_cosine_under_the_listening(
    made: Served, listening: pb.Listening | None, expected: list[tuple[str, float]]
) -> None:
    reply = ask(made, track=T0, listening=listening)
    assert cosines(reply) == expected
    assert (reply.seed.title, reply.seed.artist.name, reply.not_indexed) == ("Song", "Ay", False)


def test_a_negative_cosine_is_kept_and_scores_zero(made: Served) -> None:
    last = ask(made, vector=vector(-2, 0)).tracks[-1]
    assert (last.track.id, last.score) == ("t0", 0.0)
    assert last.cosine == pytest.approx(-1.0)


def test_a_vector_of_any_length_is_heard_by_its_direction(made: Served) -> None:
    assert cosines(ask(made, vector=vector(30, 40))) == [("t1", 1.0), ("t3", 0.8), ("t0", 0.6)]
    assert cosines(ask(made, vector=vector(0, 9, layer="high"), listening=pb.Listening(layer="high")))[0] == ("t1", 1.0)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (vector(1, 0, space="made-0000000000000000"), "space"),
        (vector(1, 0, 0), "vector.values"),
        (vector(), "vector.values"),
        (vector(0, 0), "vector.values"),
        (vector(float("nan"), 1), "vector.values"),
        (vector(float("inf"), 1), "vector.values"),
        (vector(3e6, 0), "vector.values"),
        (vector(1e-7, 0), "vector.values"),
    ],
    ids=["other space", "too long", "empty", "zero", "nan", "infinite", "huge", "tiny"],
)
def test_a_vector_that_means_nothing_is_refused(made: Served, given: pb.SpaceVector, field: str) -> None:
    refused = refusal(made.stub.SimilarTracks, pb.SimilarTracksRequest(vector=given))
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", field)


def test_a_vector_cannot_be_listened_to_by_another_layer(made: Served) -> None:
    request = pb.SimilarTracksRequest(vector=vector(1, 0), listening=pb.Listening(layer="high"))
    refused = refusal(made.stub.SimilarTracks, request)
    assert (refused.code.name, refused.field) == ("INVALID_ARGUMENT", "listening")


def test_a_vector_of_an_unknown_layer_is_not_found(made: Served) -> None:
    refused = refusal(made.stub.SimilarTracks, pb.SimilarTracksRequest(vector=vector(1, 0, layer="middle")))
    assert refused.code.name == "NOT_FOUND"
    assert "low, high" in refused.message


def test_a_track_without_an_embedding_answers_empty_and_says_so(made: Served) -> None:
    reply = ask(made, track=pb.TrackRef(id="t2"))
    assert reply.not_indexed
    assert not reply.tracks
    assert reply.seed.title == "Unheard"


def test_the_artist_of_the_seed_can_be_left_out_and_artists_limited(made: Served) -> None:
    by_name = pb.TrackRef(name=pb.TrackName(title="tune", artist="bee"))
    assert cosines(ask(made, track=by_name)) == [("t3", 0.8), ("t0", 0.6)]
    assert cosines(ask(made, track=by_name, exclude_same_artist=True, max_per_artist=1)) == [("t3", 0.8), ("t0", 0.6)]
    assert cosines(ask(made, track=by_name, filter=pb.TrackFilter(genres_any=["x"]))) == [("t0", 0.6)]
    assert cosines(ask(made, track=by_name, filter=pb.TrackFilter(genres_none=["x"]))) == [("t3", 0.8)]


def test_a_title_of_several_tracks_lists_them(made: Served) -> None:
    refused = refusal(
        made.stub.SimilarTracks, pb.SimilarTracksRequest(track=pb.TrackRef(name=pb.TrackName(title="song")))
    )
    assert refused.code.name == "FAILED_PRECONDITION"
    assert refused.metadata == {"t0": "Song by Ay", "t3": "Song by Cé"}


@pytest.mark.parametrize("request_", [pb.SimilarTracksRequest(), pb.SimilarTracksRequest(track=pb.TrackRef())])
def test_a_request_without_a_seed_is_refused(made: Served, request_: pb.SimilarTracksRequest) -> None:
    assert refusal(made.stub.SimilarTracks, request_).code.name == "INVALID_ARGUMENT"


def test_a_clip_needs_a_server_with_an_encoder(made: Served) -> None:
    refused = refusal(made.stub.SimilarTracks, pb.SimilarTracksRequest(clip=pb.AudioClip(file=b"RIFF")))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "ENCODER_MISSING")


COPIES = 5


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Kay's "Song" five more times, re-encoded: each a little off; and two more tracks, one of them twice."""
    copies = tuple(
        MadeTrack(id=f"k{n}", title=f"Song copy {n}", vectors={"low": (1, 0.02 * n), "high": (1, -0.02 * n)})
        for n in range(1, COPIES + 1)
    )
    kay = (
        MadeTrack(id="k0", title="Song", vectors={"low": (1, 0), "high": (1, 0)}),
        *copies,
        MadeTrack(id="k8", title="Other", vectors={"low": (1, 1), "high": (0, 1)}),
        MadeTrack(id="k9", title="Other (2011 Remaster)", vectors={"low": (1, 2), "high": (1, 0)}),
    )
    elle = (
        MadeTrack(id="l0", title="Song", vectors={"low": (1, 0.1), "high": (1, 1)}),  # another song of that name
        MadeTrack(id="l1", title="Far", vectors={"low": (0, 1), "high": (0, 1)}),
    )
    artists = (MadeArtist(id="k", name="Kay", tracks=kay), MadeArtist(id="l", name="Elle", tracks=elle))
    home = tmp_path_factory.mktemp("repeated")
    write_generation(home, MadeCatalog(artists=artists))
    with serving(home) as served:
        yield served


def ids(reply: pb.SimilarTracksResponse) -> list[str]:
    return [scored.track.id for scored in reply.tracks]


def test_of_a_library_with_five_re_encodings_of_the_seed_none_is_answered(repeated: Served) -> None:
    seed = pb.TrackRef(id="k0")
    assert ids(ask(repeated, track=seed)) == ["l0", "k8", "l1"]
    every = ids(ask(repeated, track=seed, allow_near_duplicates=True))
    assert every == ["k1", "k2", "k3", "k4", "k5", "l0", "k8", "k9", "l1"]


def test_of_what_is_there_several_times_the_nearest_is_answered(repeated: Served) -> None:
    assert ids(ask(repeated, track=pb.TrackRef(id="l1"))) == ["k9", "k5", "l0"]
    assert ids(ask(repeated, track=pb.TrackRef(id="l1"), max_per_artist=1)) == ["k9", "l0"]


@pytest.mark.parametrize("allow", [False, True])
def test_pages_of_thinned_tracks_add_up_to_the_whole(repeated: Served, allow: bool) -> None:
    request = pb.SimilarTracksRequest(
        track=pb.TrackRef(id="l1"), limit=1, max_per_artist=3, allow_near_duplicates=allow
    )
    whole = pb.SimilarTracksRequest()
    whole.CopyFrom(request)
    whole.limit = 100
    seen = []
    while True:
        reply = repeated.stub.SimilarTracks(request)
        seen += reply.tracks
        request.page_token = reply.next_page_token
        if not reply.next_page_token:
            break
    assert seen == list(repeated.stub.SimilarTracks(whole).tracks)
    assert len(seen) == (4 if allow else 3)


def test_the_command_can_keep_every_release(repeated: Served) -> None:
    def listed(*options: str) -> int:
        address = f"--address=127.0.0.1:{repeated.port}"
        said = CliRunner().invoke(commands.tracks, ["Kay - Song", "--json", address, *options]).stdout
        return len(json.loads(said)["tracks"])

    assert (listed(), listed("--keep-duplicates")) == (3, 9)


def test_tracks_are_heard_by_a_weighted_mix_of_layers_or_aspects(made: Served) -> None:
    # With t0, by low and by high: t1 0.6 and 0, t3 0 and 1.
    layers = [pb.LayerWeight(layer="low", weight=3), pb.LayerWeight(layer="high", weight=1)]
    aspects = [pb.AspectWeight(aspect="both", weight=1), pb.AspectWeight(aspect="hears low", weight=1)]
    for mix in (
        pb.Listening(layer_mix=pb.LayerMix(layers=layers)),
        pb.Listening(aspect_mix=pb.AspectMix(aspects=aspects)),
    ):
        assert cosines(ask(made, track=T0, listening=mix)) == [("t1", 0.45), ("t3", 0.25)]


def test_at_most_so_many_tracks_of_one_artist_are_answered(repeated: Served) -> None:
    for most in (1, 2, 3):
        reply = ask(repeated, vector=vector(1, 0), max_per_artist=most, allow_near_duplicates=True)
        owners = [scored.track.artist.id for scored in reply.tracks]
        assert (owners.count("k"), owners.count("l")) == (most, min(most, 2))


def test_the_same_request_for_tracks_gives_the_same_bytes(repeated: Served) -> None:
    call = repeated.raw("SimilarTracks")
    mix = pb.LayerMix(layers=[pb.LayerWeight(layer="low", weight=2), pb.LayerWeight(layer="high", weight=1)])
    for listening in (pb.Listening(layer="low"), pb.Listening(layer_mix=mix)):
        request = pb.SimilarTracksRequest(track=pb.TrackRef(id="k0"), listening=listening, max_per_artist=2)
        assert len({call(request.SerializeToString()) for _ in range(10)}) == 1


SILENT = SimpleNamespace(time_remaining=lambda: None)
"""A context in which the client sets no deadline."""


def tracks_like(running: Served, file: bytes, **request: Any) -> pb.SimilarTracksResponse:  # Any: of the message
    asked = pb.SimilarTracksRequest(clip=pb.AudioClip(file=file, name="x.wav"), **request)
    reply: pb.SimilarTracksResponse = running.stub.SimilarTracks(asked)
    return reply


def cosines_by_title(reply: pb.SimilarTracksResponse) -> dict[str, float]:
    return {f"{one.track.artist.name} {one.track.title}": one.cosine for one in reply.tracks}


@pytest.mark.parametrize("listening", [None, pb.Listening(layer="rhythm")], ids=["default", "layer"])
def test_a_clip_finds_the_track_that_was_made_from_it_and_then_what_that_finds(
    hearing: Served, listening: pb.Listening | None
) -> None:
    by_clip = tracks_like(hearing, music("techno", 1), listening=listening, limit=100)
    held = by_clip.tracks[0]
    assert (held.track.artist.name, held.track.title) == ("techno", "Take 1")
    assert held.cosine == pytest.approx(1.0, abs=1e-6)
    asked = pb.SimilarTracksRequest(track=pb.TrackRef(id=held.track.id), listening=listening, limit=100)
    by_track = hearing.stub.SimilarTracks(asked)
    rest = pb.SimilarTracksResponse(tracks=by_clip.tracks[1:])
    assert cosines_by_title(rest) == pytest.approx(cosines_by_title(by_track), abs=1e-6)
    assert list(cosines_by_title(rest)) == list(cosines_by_title(by_track))
    assert (by_clip.HasField("seed"), by_clip.not_indexed, by_clip.generation) == (False, False, by_track.generation)


def test_pages_and_bounds_of_tracks_like_a_clip_are_those_of_any_ranking(hearing: Served) -> None:
    everything = tracks_like(hearing, music("folk", 0), limit=100)
    assert len(everything.tracks) == len(STYLES) * CLIPS
    first = tracks_like(hearing, music("folk", 0), limit=5)
    rest = tracks_like(hearing, music("folk", 0), limit=100, page_token=first.next_page_token)
    assert [*first.tracks, *rest.tracks] == list(everything.tracks)
    assert len(tracks_like(hearing, music("folk", 0), limit=100, max_per_artist=1).tracks) == len(STYLES)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"clip": pb.AudioClip(file=b"junk", name="j.wav")}, "clip"),
        ({"clip": pb.AudioClip(file=bytes(limits.MAX_CLIP_BYTES + 1))}, "clip.file"),
        ({"clip": pb.AudioClip(), "limit": 1001}, "limit"),
        ({"clip": pb.AudioClip(), "page_token": "x"}, "page_token"),
    ],
)
def test_a_clip_or_request_that_makes_no_sense_is_refused(
    hearing: Served, request_: dict[str, Any], field: str
) -> None:
    found = refusal(hearing.stub.SimilarTracks, pb.SimilarTracksRequest(**request_))
    assert (found.code.name, found.field) == ("INVALID_ARGUMENT", field)
    assert field != "clip" or "clip 0 (j.wav) not_audio" in found.message


def test_tracks_takes_an_audio_file_in_place_of_a_name(hearing: Served, tmp_path: Path) -> None:
    file = tmp_path / "two.wav"
    file.write_bytes(music("techno", 1))

    def run(*words: str) -> Result:
        return CliRunner().invoke(commands.tracks, words, env={"SOUNDKIN_ADDRESS": f"127.0.0.1:{hearing.port}"})

    result = run("--audio", str(file), "--limit", "3")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Sounds like two.wav\n")
    assert "1 Take 1 techno 0:06 1.000" in " ".join(result.stdout.split())
    for words in ((), ("A - B", "--audio", str(file))):
        result = run(*words)
        assert (result.exit_code, "either NAME or --audio" in result.stderr) == (2, True)
