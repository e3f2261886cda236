"""What a calibrated generation says over the wire: its default, its percentiles, its evidence, sums with a base."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from pb import soundkin_pb2 as pb
from recommender.calibration.cohort import Status
from recommender.calibration.mix_scale import LEAST, STRONG, TAIL
from recommender.fusion.profiles import BASE, GAIN, SLOPES
from recommender.generation.open_generation import open_generation
from recommender.ranking.artists import Recommender
from server.client import commands
from server.rpc import responses
from tests.factories import MadeArtist, MadeCatalog, make_generation
from tests.indexer.build.homes import SPACE, add_music, run_build, run_publish, staged
from tests.server.ask import by_name, weights
from tests.server.conftest import Serve, Served, serving

ARTISTS = 60


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Sixty artists of two tracks and one of one, built, published and served."""
    home = tmp_path_factory.mktemp("heard")
    add_music(home, range(ARTISTS), tracks=2, clips=1)
    add_music(home, range(ARTISTS, ARTISTS + 1), tracks=1, clips=1)
    run_build(home)
    run_publish(home)
    with serving(home) as served:
        yield served


def similar(heard: Served, **more: object) -> pb.SimilarArtistsResponse:
    request = pb.SimilarArtistsRequest(seeds=[by_name("artist 0")], limit=1000, **more)  # type: ignore[arg-type]  # by name
    reply: pb.SimilarArtistsResponse = heard.stub.SimilarArtists(request)
    return reply


def test_the_index_info_says_what_answers_and_how_far_each_layer_is_calibrated(heard: Served) -> None:
    info = heard.stub.GetIndexInfo(pb.GetIndexInfoRequest())
    assert (list(info.weight_profiles), info.default_weight_profile) == (["evidence", "seed"], "evidence")
    assert [(layer.name, layer.calibration, layer.reference_artists) for layer in info.layers] == [
        (name, pb.CALIBRATION_PROVISIONAL, ARTISTS) for name in SPACE.layer_names
    ]
    assert info.layers[0].calibration_note == "method pipeline, fitted on 60 reference artists; provisional below 200"
    assert [layer.unmeasured_artists for layer in info.layers] == [0] * len(info.layers)
    assert (info.candidates.first, info.candidates.HasField("overlap_at_20")) == (0, False)
    assert info.candidates.note == f"{info.artists} artists, under 5000: everyone is compared"


def test_a_borrowed_calibration_is_provisional_and_its_note_says_that_it_is_borrowed(tmp_path: Path) -> None:
    add_music(tmp_path, range(3))
    run_build(tmp_path)
    generation = open_generation(staged(tmp_path))
    borrowed = {
        name: replace(layer, bundle=replace(layer.bundle, status=Status.BORROWED, reference_artists=18))
        for name, layer in generation.calibration.layers.items()
    }
    for info in responses.to_layers(generation.manifest, borrowed):
        assert (info.calibration, info.reference_artists) == (pb.CALIBRATION_PROVISIONAL, 18)
        assert info.calibration_note.startswith("borrowed, method raw: fitted on 18 reference artists of music that")


def test_evidence_answers_by_default_and_the_seed_table_when_asked(heard: Served) -> None:
    assert similar(heard) == similar(heard, profile="evidence")
    seed = similar(heard, profile="seed").artists[0]
    assert seed.base == 0.0
    assert seed.score == pytest.approx(max(seed.breakdown[0].raw, 0.0))


@pytest.mark.parametrize(
    "asked",
    [{}, {"profile": "seed"}, {"weights": weights(audio=1)}, {"negative_seeds": [by_name("artist 1")]}],
    ids=str,
)
def test_base_and_contributions_sum_to_the_score(heard: Served, asked: dict[str, object]) -> None:
    scored = similar(heard, **asked).artists
    assert len(scored) >= ARTISTS - 1
    for one in scored:
        assert one.base + sum(line.contribution for line in one.breakdown) == pytest.approx(one.score, abs=1e-9)
    # A strength is never below 0; only a negative seed takes away.
    taken = any(line.contribution < 0 for one in scored for line in one.breakdown)
    assert taken == ("negative_seeds" in asked)


def test_weights_of_the_caller_weigh_the_strength_of_the_percentile(heard: Served) -> None:
    pairs = ARTISTS * (ARTISTS - 1) // 2
    told = 0
    for one in similar(heard, weights=weights(audio=1)).artists:
        percentile = one.breakdown[0].percentile
        if not LEAST < percentile < TAIL:
            continue  # beyond them a percentile does not tell the strength
        rarity = (pairs * (1 - percentile) + 1) / (pairs + 1)
        odds = BASE / (1 - BASE) * (1 + (1 / rarity - 1) / STRONG) ** GAIN
        assert one.score == pytest.approx(odds / (1 + odds), abs=1e-6)
        told += 1
    assert told > ARTISTS // 2


def test_a_percentile_is_set_where_there_is_an_opinion_and_its_square_is_the_value(heard: Served) -> None:
    for one in similar(heard).artists:
        audio, *others = one.breakdown
        assert audio.value == pytest.approx(audio.percentile**2)
        assert not any(line.HasField("percentile") for line in others)


def test_evidence_tells_an_artist_of_one_track_from_the_others(heard: Served) -> None:
    evidence = {one.artist.name: one.evidence for one in similar(heard).artists}
    assert (evidence["artist 60"].tracks, evidence["artist 60"].low) == (1, True)
    assert not evidence["artist 60"].HasField("standard_error")
    assert (evidence["artist 7"].tracks, evidence["artist 7"].low) == (2, False)
    assert 0 < evidence["artist 7"].coherence <= 1
    assert evidence["artist 7"].standard_error > 0
    alone = heard.stub.GetArtist(pb.GetArtistRequest(artist=by_name("artist 7")))
    assert alone.evidence == evidence["artist 7"]


def test_a_pair_says_the_evidence_of_both_and_an_artist_is_itself(heard: Served) -> None:
    first, last = by_name("artist 0"), by_name("artist 60")
    reply = heard.stub.CompareArtists(pb.CompareArtistsRequest(a=first, b=last))
    assert (reply.evidence_a.low, reply.evidence_b.low, reply.base) == (False, True, 0.25)
    assert reply.score == {one.artist.name: one.score for one in similar(heard).artists}["artist 60"]
    assert reply.explanation.nearest_tracks.aspect in {f"hears {name}" for name in SPACE.layer_names} | {"both"}
    itself = heard.stub.CompareArtists(pb.CompareArtistsRequest(a=first, b=first))
    assert (itself.score, itself.breakdown[0].value) == (1.0, 1.0)


ASKED = {
    "SimilarArtists": pb.SimilarArtistsRequest(
        seeds=[by_name("artist 3"), by_name("artist 4")], negative_seeds=[by_name("artist 5")], depth=0.8, explain=True
    ),
    "BatchSimilarArtists": pb.BatchSimilarArtistsRequest(
        requests=[pb.SimilarArtistsRequest(seeds=[by_name(f"artist {n}")], limit=5) for n in range(10)]
    ),
    "CompareArtists": pb.CompareArtistsRequest(a=by_name("artist 6"), b=by_name("artist 60")),
    "RankArtists": pb.RankArtistsRequest(
        seeds=[by_name("artist 1")], candidates=[by_name(f"artist {n}") for n in range(20)], explain=True
    ),
    "BatchRankArtists": pb.BatchRankArtistsRequest(
        users=[pb.LineUpUser(key=str(n), seeds=[by_name(f"artist {n}"), by_name("artist 3")]) for n in range(20)],
        line_up=[pb.LineUpEntry(artist=by_name(f"artist {n}"), groups=[f"day {n % 3}"]) for n in range(20)],
    ),
    "SimilarTracks": pb.SimilarTracksRequest(
        vector=pb.SpaceVector(space=SPACE.key, layer=SPACE.layer_names[0], values=[1.0] * SPACE.dim), limit=50
    ),
    "GetArtist": pb.GetArtistRequest(artist=by_name("artist 9")),
    "GetIndexInfo": pb.GetIndexInfoRequest(),
}
"""RPC -> a request with much in the answer."""


@pytest.mark.parametrize("rpc", ASKED)
def test_the_same_request_gives_the_same_bytes_again_at_the_same_time_and_from_another_server(
    heard: Served, serve: Serve, rpc: str
) -> None:
    asked, another = ASKED[rpc].SerializeToString(), serve(heard.home)
    with ThreadPoolExecutor(8) as askers:
        replies = list(askers.map(heard.raw(rpc), [asked] * 24))
    assert {*replies, another.raw(rpc)(asked)} == {heard.raw(rpc)(asked)}
    assert len(replies[0]) > 100  # type: ignore[arg-type]  # bytes


def test_pages_are_the_beginning_of_longer_ones_to_the_bit(heard: Served) -> None:
    whole = list(similar(heard).artists)
    request = pb.SimilarArtistsRequest(seeds=[by_name("artist 0")], limit=1)
    for expected in whole[:5]:
        reply = heard.stub.SimilarArtists(request)
        assert list(reply.artists) == [expected]
        request.page_token = reply.next_page_token


def test_compare_shows_percentiles_the_base_and_low_evidence(heard: Served) -> None:
    address = f"--address=127.0.0.1:{heard.port}"
    said = CliRunner().invoke(commands.compare, ["artist 0", "artist 60", address], env={"COLUMNS": "80"}).stdout
    assert re.search(rf"audio( +-?\d\.\d{{3}}){{3}} +{SLOPES[0]:.2f} +-?0\.\d{{3}}", said)
    assert re.search(r"base +0\.250", said)
    assert "artist 60: low evidence, 1 track with audio" in said
    assert "evidence (default), seed" in CliRunner().invoke(commands.info, [address], env={"COLUMNS": "80"}).stdout


def test_an_explanation_tells_the_paths_of_the_scene_with_their_artists() -> None:
    names = {"a": "Ay", "b": "Bee", "x": "Ex", "y": "Why"}
    made = MadeCatalog(
        artists=tuple(MadeArtist(id=identifier, name=name) for identifier, name in names.items()),
        scene={("a", "x"): 0.5, ("x", "b"): 0.5, ("a", "y"): 0.1, ("y", "b"): 0.1},
        scene_listed=("a", "b"),
    )
    recommender = Recommender(make_generation(made))
    a, b, x = (recommender.directory.artist_by_id(identifier) for identifier in "abx")
    paths = responses.explanation(recommender, a, b, mix=recommender.default_mix).scene_paths
    assert [[artist.name for artist in path.over] for path in paths] == [["Ex"], ["Why"]]
    # From Ay to Ex with .5 of .6, from Ex to Bee with .5 of 1, and the same back.
    assert paths[0].strength == pytest.approx(0.5 / 0.6 * 0.5)
    assert not responses.explanation(recommender, a, b, mix=recommender.default_mix).listed_together
    assert responses.explanation(recommender, a, x, mix=recommender.default_mix).listed_together == pytest.approx(0.5)
