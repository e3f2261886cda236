"""SimilarTracks with a clip: the encoder hears it, and it is answered as the track with the same audio would be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pb import soundkin_pb2 as pb
from recommender.errors import EncoderUnavailable, Unavailable
from recommender.types import Profile, Space
from server import limits
from server.client import commands
from server.metrics import Metrics
from server.reload.holder import Holder
from server.rpc.clip_stream import Clip
from server.rpc.encoder_client import Encoded, EncoderClient
from server.service import MOST_WITH_CLIP, SimilarityService
from tests.encoder_process import music
from tests.factories import write_generation
from tests.server.asking import refusal
from tests.server.conftest import ANY_PORT, CLIPS, MADE, STYLES, Served

SILENT = SimpleNamespace(time_remaining=lambda: None)
"""A context in which the client sets no deadline."""


def tracks_like(running: Served, file: bytes, **request: Any) -> pb.SimilarTracksResponse:  # Any: of the message
    asked = pb.SimilarTracksRequest(clip=pb.AudioClip(file=file, name="x.wav"), **request)
    reply: pb.SimilarTracksResponse = running.stub.SimilarTracks(asked)
    return reply


def cosines(reply: pb.SimilarTracksResponse) -> dict[str, float]:
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
    assert cosines(rest) == pytest.approx(cosines(by_track), abs=1e-6)
    assert list(cosines(rest)) == list(cosines(by_track))
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
        ({"clip": pb.AudioClip(file=bytes(limits.MOST_CLIP_BYTES + 1))}, "clip.file"),
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
    assert "1 Take 1 techno 1.000" in " ".join(result.stdout.split())
    for words in ((), ("A - B", "--audio", str(file))):
        result = run(*words)
        assert (result.exit_code, "either NAME or --audio" in result.stderr) == (2, True)


def test_so_many_clips_wait_in_memory_and_the_next_is_sent_away(tmp_path: Path) -> None:
    """Nobody is heard here: whoever is let in waits for an encoder that never answers."""

    class Silent(EncoderClient):
        async def encode(self, clips: Sequence[Clip], space: Space, *, within_s: float | None) -> list[Encoded]:
            raise await asyncio.Future[EncoderUnavailable]()

    async def go() -> None:
        write_generation(tmp_path, MADE)
        holder, worker = Holder(tmp_path, Profile.PERSONAL, Metrics()), ThreadPoolExecutor(1)
        await holder.refresh()
        encoder = Silent(ANY_PORT)
        service = SimilarityService(holder, worker, encoder)
        request = pb.SimilarTracksRequest(clip=pb.AudioClip(file=b"x"))
        waiting = [asyncio.create_task(service.SimilarTracks(request, SILENT)) for _ in range(MOST_WITH_CLIP)]
        await asyncio.sleep(0)
        for _ in range(2):
            with pytest.raises(Unavailable, match="8 clips wait to be heard"):
                await service.SimilarTracks(request, SILENT)
        waiting.pop().cancel()
        await asyncio.sleep(0.01)
        waiting.append(asyncio.create_task(service.SimilarTracks(request, SILENT)))
        assert (await asyncio.wait(waiting, timeout=0.05))[0] == set()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await encoder.close()
        await holder.close()
        worker.shutdown()

    asyncio.run(go())
