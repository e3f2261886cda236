"""An artist from audio alone over two processes: what is answered, what is refused, and an encoder that goes away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result

from indexer.encoders.descriptors.encoder import DescriptorEncoder
from pb import soundkin_pb2 as pb
from recommender.errors import EncoderMismatch, InvalidArgument, Unavailable
from server import limits
from server.address import Address
from server.client import commands
from server.client.requests import audio_clips
from tests.encoder_process import ROOT, encoder_process, music, wait_until_decoding
from tests.server.ask import Refusal, by_id, by_name, refusal, weights
from tests.server.conftest import CLIPS, STYLES, Served, served, serving
from tests.server.test_serve import program, wait_for

NOBODY = Address(host="127.0.0.1", port=1)


def messages(*files: bytes, **options: Any) -> Iterator[pb.SimilarArtistsToAudioRequest]:  # Any: of the message
    yield pb.SimilarArtistsToAudioRequest(options=pb.SimilarArtistsRequest(**options))
    for place, file in enumerate(files):
        yield pb.SimilarArtistsToAudioRequest(clip=pb.AudioClip(file=file, name=f"clip{place}.wav"))


def ask(running: Served, *files: bytes, **options: Any) -> pb.SimilarArtistsToAudioResponse:  # Any: as above
    reply: pb.SimilarArtistsToAudioResponse = running.stub.SimilarArtistsToAudio(messages(*files, **options))
    return reply


def refused(running: Served, *files: bytes, **options: Any) -> Refusal:  # Any: as above
    return refusal(running.stub.SimilarArtistsToAudio, messages(*files, **options))


def takes(style: str) -> list[bytes]:
    return [music(style, take) for take in range(CLIPS)]


@pytest.mark.parametrize("options", [{}, {"listening": pb.Listening(layer="rhythm")}, {"weights": weights(audio=1)}])
def test_an_artists_own_clips_have_the_audio_opinions_of_its_row(hearing: Served, options: dict[str, Any]) -> None:
    of_the_row = hearing.stub.SimilarArtists(pb.SimilarArtistsRequest(seeds=[by_name("techno")], **options))
    by_audio = ask(hearing, *takes("techno"), **options)
    theirs = {one.artist.name: one for one in of_the_row.artists}
    ours = {one.artist.name: one for one in by_audio.artists}
    assert by_audio.artists[0].artist.name == "techno"
    assert by_audio.artists[0].breakdown[0].raw == pytest.approx(1.0, abs=1e-6)
    assert ours.keys() - theirs.keys() == {"techno"}
    assert len(theirs) == len(STYLES) - 1
    for name, scored in theirs.items():
        mine, row = ours[name].breakdown[0], scored.breakdown[0]
        for field in (
            "raw",
            "value",
            "percentile",
            "weight",
            "contribution",
        ):  # a build works in blocks: other last bits
            assert getattr(mine, field) == pytest.approx(getattr(row, field), abs=1e-6), (name, field)
        assert ours[name].score == pytest.approx(scored.score, abs=1e-6)
    assert by_audio.generation == of_the_row.generation


def test_missing_signals_are_declared_and_the_evidence_is_that_of_the_clips(hearing: Served) -> None:
    reply = ask(hearing, *takes("folk"))
    for scored in reply.artists:
        assert [(line.signal, line.available) for line in scored.breakdown] == [
            (pb.SIGNAL_AUDIO, True),
            (pb.SIGNAL_SCENE, False),
            (pb.SIGNAL_GENRE, False),
            (pb.SIGNAL_COLLABORATION, False),
        ]
    assert (reply.evidence.tracks, reply.evidence.low) == (2, False)
    (folk,) = (scored for scored in reply.artists if scored.artist.name == "folk")
    assert reply.evidence.coherence == pytest.approx(folk.evidence.coherence, abs=1e-6)
    one = ask(hearing, takes("folk")[0]).evidence
    assert (one.tracks, one.low, one.HasField("standard_error")) == (1, True, False)


def test_rejected_and_repeated_clips_are_listed_by_their_place_and_count_for_nothing(hearing: Served) -> None:
    first, second = takes("trap")
    reply = ask(hearing, b"junk", first, first, second, first[:100])
    assert [(one.place, one.name, one.reason) for one in reply.rejected] == [
        (0, "clip0.wav", "not_audio"),
        (2, "clip2.wav", "repeated"),
        (4, "clip4.wav", reply.rejected[2].reason),
    ]
    assert all(one.detail for one in reply.rejected)
    assert reply.evidence.tracks == 2
    assert list(reply.artists) == list(ask(hearing, first, second).artists)


def test_when_no_clip_can_be_used_the_caller_learns_why(hearing: Served) -> None:
    found = refused(hearing, b"junk", b"")
    assert (found.code.name, found.field) == ("INVALID_ARGUMENT", "clip")
    assert "clip 0 (clip0.wav) not_audio" in found.message
    assert "clip 1 (clip1.wav) not_audio: the file is empty" in found.message


def test_limit_filter_candidates_and_explanations_are_those_of_any_ranking(hearing: Served) -> None:
    everyone = ask(hearing, *takes("ambient"), explain=True)
    assert list(ask(hearing, *takes("ambient"), explain=True, limit=2).artists) == list(everyone.artists[:2])
    chosen = [everyone.artists[1].artist, everyone.artists[4].artist]
    some = ask(hearing, *takes("ambient"), candidates=by_id(*(one.id for one in reversed(chosen))))
    assert [one.artist for one in some.artists] == chosen
    left = ask(hearing, *takes("ambient"), exclude=[by_name("ambient")]).artists
    assert [one.artist for one in left] == [one.artist for one in everyone.artists[1:]]
    assert ask(hearing, *takes("ambient"), filter=pb.ArtistFilter(genres_any=["dub"])).artists == []
    why = everyone.artists[0].explanation
    assert (why.nearest_tracks.a.title, why.nearest_tracks.a.id) in {("clip0.wav", ""), ("clip1.wav", "")}
    assert why.nearest_tracks.b.artist.name == "ambient"
    assert why.nearest_tracks.cosine == pytest.approx(1.0, abs=1e-6)
    aspects = {one.name for one in hearing.stub.ListAspects(pb.ListAspectsRequest()).aspects}
    assert why.nearest_tracks.aspect in aspects
    assert why.sentence.startswith("The clips and ambient: “clip")
    assert why.sentence.endswith(f" sound nearest, above all in {why.nearest_tracks.aspect}.")


def test_the_same_clips_give_the_same_bytes(hearing: Served) -> None:
    first, again = (ask(hearing, *takes("folk"), explain=True).SerializeToString(deterministic=True) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"seeds": [by_name("folk")]}, "options.seeds"),
        ({"negative_seeds": [by_name("folk")]}, "options.negative_seeds"),
        ({"page_token": "x"}, "options.page_token"),
        ({"limit": 1001}, "limit"),
        ({"depth": 2.0}, "depth"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_encoded(
    home: Path, options: dict[str, Any], field: str
) -> None:
    with serving(home, encoder=NOBODY) as running:
        found = refused(running, b"x", **options)
    assert (found.code.name, found.field) == ("INVALID_ARGUMENT", field)


def test_no_clip_options_too_late_and_too_many_clips_are_refused(hearing: Served) -> None:
    assert refused(hearing).field == "clip"
    late = [*messages(b"x"), *messages(b"y")]
    assert refusal(hearing.stub.SimilarArtistsToAudio, iter(late)).field == "options"
    found = refused(hearing, *[b"x"] * (limits.MAX_CLIPS + 1))
    assert (found.field, "at most 32" in found.message) == ("clip", True)


def test_clips_that_are_too_large_are_refused_alone_and_together(hearing: Served) -> None:
    found = refused(hearing, bytes(limits.MAX_CLIP_BYTES + 1))
    assert (found.code.name, found.field) == ("INVALID_ARGUMENT", "clip.file")
    assert "at most 16 MiB" in found.message
    found = refused(hearing, *[bytes(limits.MAX_CLIP_BYTES)] * 5)
    assert (found.code.name, "all together have at most 64 MiB" in found.message) == ("INVALID_ARGUMENT", True)
    assert refused(hearing, bytes(limits.MAX_CLIP_BYTES + (2 << 20))).code.name == "RESOURCE_EXHAUSTED"


def test_bytes_that_are_no_message_are_the_callers_mistake(hearing: Served) -> None:
    raw = hearing.channel.stream_unary("/soundkin.v1.SimilarityService/SimilarArtistsToAudio", None, None)
    found = refusal(raw, iter([b"\xff\xff\xff\xff"]))
    assert (found.code.name, found.field) == ("INVALID_ARGUMENT", "request")


def test_a_server_without_an_encoder_says_how_to_give_it_one(made: Served) -> None:
    found = refused(made, b"x")
    assert (found.code.name, found.reason) == ("FAILED_PRECONDITION", "ENCODER_MISSING")
    assert "soundkin encoder serve" in found.message
    assert "--encoder HOST:PORT" in found.message


def test_an_encoder_of_another_space_is_refused_and_both_are_named(made: Served, encoder_port: int) -> None:
    with served(made.home, encoder_port) as running:
        found = refused(running, *takes("folk"))
        space = running.stub.GetIndexInfo(pb.GetIndexInfoRequest()).generation.space
    assert (found.code.name, found.reason) == ("FAILED_PRECONDITION", "ENCODER_MISMATCH")
    assert space in found.message
    assert DescriptorEncoder().space.key in found.message
    assert str(EncoderMismatch("a", serves="s", needed="n")).startswith("the encoder at a embeds into the space s, ")


def test_an_encoder_that_is_not_there_costs_only_requests_with_audio(home: Path) -> None:
    with serving(home, encoder=NOBODY) as running:
        found = refused(running, b"x")
        assert (found.code.name, found.reason, found.retry_s) == ("UNAVAILABLE", "ENCODER_UNAVAILABLE", 1)
        assert "127.0.0.1:1 does not answer" in found.message
        assert running.stub.SimilarArtists(pb.SimilarArtistsRequest(seeds=[by_name("folk")])).artists


def test_an_encoder_that_is_killed_in_mid_request_and_one_that_takes_its_place(home: Path, tmp_path: Path) -> None:
    long = [music("folk", seed, seconds=30.0) for seed in range(6)]
    found: list[Refusal] = []
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with (
        encoder_process(tmp_path, temporary=temporary) as (process, port),
        served(home, port) as running,
    ):
        asking = threading.Thread(target=lambda: found.append(refused(running, *long)))
        asking.start()
        wait_until_decoding(temporary, clips=len(long))
        process.kill()
        process.wait()
        asking.join(30)
        assert [(one.code.name, one.reason) for one in found] == [("UNAVAILABLE", "ENCODER_UNAVAILABLE")]
        assert running.stub.SimilarArtists(pb.SimilarArtistsRequest(seeds=[by_name("folk")])).artists
        assert list(temporary.glob("soundkin-clips-*/*/5"))
        with encoder_process(tmp_path, port=port, temporary=temporary):
            assert list(temporary.glob("soundkin-clips-*/*/5")) == []
            assert _answered_again(running).artists[0].artist.name == "folk"


def _answered_again(running: Served) -> pb.SimilarArtistsToAudioResponse:
    """A channel may take a second to look again."""
    deadline = time.monotonic() + 15
    while True:
        try:
            return ask(running, *takes("folk"))
        except grpc.RpcError:
            assert time.monotonic() < deadline, "the new encoder is never found"
            time.sleep(0.1)


def run(running: Served, *words: str) -> Result:
    environment = {"SOUNDKIN_ADDRESS": f"127.0.0.1:{running.port}", "COLUMNS": "80"}
    return CliRunner().invoke(commands.similar, words, env=environment)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two good clips and a bad one."""
    made = {"one.wav": takes("techno")[0], "two.wav": takes("techno")[1], "bad.wav": b"junk"}
    for name, file in made.items():
        (tmp_path / name).write_bytes(file)
    return [str(tmp_path / name) for name in made]


def test_similar_takes_audio_files_in_place_of_a_name(hearing: Served, files: list[str]) -> None:
    result = run(hearing, "--audio", files[0], "--audio", files[1], "--limit", "3", "--explain")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Like the music of 2 clips\n")
    assert "1 techno" in result.stdout
    assert "sounds nearest in “one.wav”" in result.stdout or "sounds nearest in “two.wav”" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_similar_lists_the_files_it_could_not_use_and_exits_1(hearing: Served, files: list[str]) -> None:
    result = run(hearing, "--audio", files[0], "--audio", files[2])
    assert result.exit_code == 1
    assert "Not used: bad.wav: not_audio" in result.stdout
    assert "Low evidence" in result.stdout
    told = json.loads(run(hearing, "--audio", files[0], "--audio", files[2], "--json").stdout)
    assert [one["reason"] for one in told["rejected"]] == ["not_audio"]
    assert (told["evidence"]["tracks"], told["evidence"]["low"]) == (1, True)
    assert told["artists"][0]["artist"]["name"] == "techno"


def test_similar_refuses_what_cannot_be_asked(made: Served, files: list[str], tmp_path: Path) -> None:
    for words in ((), ("Ay", "--audio", files[0])):
        result = run(made, *words)
        assert (result.exit_code, "either NAME or --audio" in result.stderr) == (2, True)
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(limits.MAX_CLIP_BYTES + 1))
    refused_by_size = run(made, "--audio", str(large)).exception
    assert isinstance(refused_by_size, InvalidArgument)
    assert "more than 16 MiB" in str(refused_by_size)
    assert "has no encoder" in str(run(made, "--audio", files[0]).exception)


def test_no_more_is_read_of_a_clip_than_may_be_sent(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="/dev/zero has more than 16 MiB"):
        audio_clips([Path("/dev/zero")])  # without end, and its size is said to be 0, as that of a pipe
    whole = tmp_path / "whole.wav"
    whole.write_bytes(bytes(limits.MAX_CLIP_BYTES))
    assert [len(clip.file) for clip in audio_clips([whole] * 4)] == [limits.MAX_CLIP_BYTES] * 4
    with pytest.raises(InvalidArgument, match="more than 64 MiB in all; give fewer files"):
        audio_clips([whole] * 5)


def test_the_client_says_unavailable_when_the_encoder_is_away(home: Path, files: list[str]) -> None:
    with serving(home, encoder=NOBODY) as running:
        assert isinstance(run(running, "--audio", files[0]).exception, Unavailable)


def test_the_three_programs_together(
    home: Path, encoder_port: int, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SOUNDKIN_ENCODER names an encoder, and is none of the server's business."""
    monkeypatch.setenv("SOUNDKIN_ENCODER", "mert-v1-95m")
    monkeypatch.setenv("SOUNDKIN_ENCODER_ADDRESS", f"127.0.0.1:{encoder_port}")
    port_file = tmp_path / "port"
    with program(home, "--listen", "127.0.0.1:0", "--port-file", str(port_file)) as process:
        words = ("similar", "--json", "--limit", "1", "--audio", files[0], "--audio", files[1])
        environment = os.environ | {"SOUNDKIN_ADDRESS": f"127.0.0.1:{wait_for(port_file)}"}
        done = subprocess.run(
            [sys.executable, "soundkin.py", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        process.terminate()
        assert process.wait(30) == 0
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert ([one["artist"]["name"] for one in told["artists"]], told["evidence"]["tracks"]) == (["techno"], 2)


def test_an_address_of_the_encoder_that_is_none_is_wrong_use(home: Path) -> None:
    with program(home, "--encoder", "mert-v1-95m") as process:
        _, said = process.communicate(timeout=60)
    assert (process.returncode, "--encoder: 'mert-v1-95m' is not HOST:PORT" in said) == (2, True)
