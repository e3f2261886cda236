"""A real server in this process and real channels to it, on a catalog whose answers are known by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from indexer.audio.workers.pool import DecoderPool
from indexer.build.build import build
from indexer.embed.embed import EmbedOptions, embed
from indexer.encoders.descriptors.encoder import DescriptorEncoder
from indexer.ingest.scan import scan
from indexer.publish.publish import publish
from indexer.store.store import EmbeddingStore
from pb import soundkin_pb2_grpc as pb_grpc
from recommender.catalog import Catalog
from recommender.types import Use
from server.address import Address
from server.serve import Settings, started
from server.service import NAME
from server.shutdown import DrainTimes
from tests.encoder_process import encoder_process, music
from tests.factories import MadeArtist, MadeCatalog, MadeCollaboration, MadeTrack, write_generation
from tests.server.ask import figures

MADE = MadeCatalog(
    artists=(
        MadeArtist(
            id="a",
            name="Ay",
            aliases=("The Ay", "A Y"),
            external_ids={"mbid": "m-a"},
            genres={"x": 0.5, "y": 1.0},
            tracks=(
                MadeTrack(id="t0", title="Song", vectors={"low": (1, 0), "high": (1, 0)}),
                MadeTrack(id="t2", title="Unheard"),
            ),
        ),
        MadeArtist(
            id="b",
            name="Bee",
            genres={"x": 1.0},
            tracks=(MadeTrack(id="t1", title="Tune", vectors={"low": (3, 4), "high": (0, 1)}),),
        ),
        MadeArtist(
            id="c",
            name="Cé",
            genres={"y": 1.0},
            tracks=(MadeTrack(id="t3", title="Song", vectors={"low": (0, 1), "high": (1, 0)}),),
        ),
        MadeArtist(id="d", name="Dee"),
        MadeArtist(id="e", name="Twin"),
        MadeArtist(id="f", name="TWIN"),
    ),
    scene={("a", "b"): 0.5},
    scene_listed=("a",),
    collaborations=(MadeCollaboration(a="b", b="d", similarity=0.7, title="Joined"),),
)
"""Ay and Bee: audio 0.6, scene 0.5, genre 0.5/2. Ay and Cé: audio 0, genre 1/1.5. Bee and Cé: audio 0.8, genre 0.
Bee and Dee: collaboration 0.7. Nobody has an opinion on the twins."""


ANY_PORT = Address(host="127.0.0.1", port=0)

STYLES = ("folk", "techno", "ambient", "trap", "jazz_trio", "minimal_techno")
"""Artists of :func:`home`."""
CLIPS = 2
"""Of each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server and a way to ask it."""

    home: Path
    port: int
    metrics_port: int
    channel: grpc.Channel
    stub: Any  # Any: the generated stub has no types

    def raw(self, method: str) -> Callable[[bytes], object]:
        """``method`` of the service from bytes to bytes."""
        return self.channel.unary_unary(f"/{NAME}/{method}", None, None)

    def figures(self) -> dict[str, float]:
        """What the page of metrics says: name with labels -> value."""
        return figures(self.metrics_port)


Serve = Callable[[Path], Served]


@contextmanager
def serving(
    home: Path,
    *,
    use: Use = Use.PERSONAL,
    encoder: Address | None = None,
    show_paths: bool = False,
) -> Iterator[Served]:
    """Serve ``home`` during the block, looking at CURRENT many times a second."""
    drain_times = DrainTimes(lame_duck_s=0.0, grace_s=1.0)
    settings = Settings(
        home=home,
        address=ANY_PORT,
        use=use,
        drain_times=drain_times,
        poll_s=0.02,
        wait=True,
        encoder=encoder,
        metrics=ANY_PORT,
        show_paths=show_paths,
    )
    with (
        started(settings) as running,
        grpc.insecure_channel(f"127.0.0.1:{running.port}", options=[("grpc.enable_http_proxy", 0)]) as channel,
    ):
        yield Served(
            home=home,
            port=running.port,
            metrics_port=running.metrics_port or 0,
            channel=channel,
            stub=pb_grpc.SimilarityServiceStub(channel),
        )


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server on a home, with or without anything published in it."""
    with ExitStack() as stack:
        yield lambda home: stack.enter_context(serving(home))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on :data:`MADE`, shared by tests that only ask."""
    home = tmp_path_factory.mktemp("made")
    write_generation(home, MADE)
    with serving(home) as served:
        yield served


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six artists of two clips each, scanned, embedded, built and published as the commands do it."""
    made = tmp_path_factory.mktemp("home")
    folder = made / "music"
    folder.mkdir()
    for style in STYLES:
        for take in range(CLIPS):
            (folder / f"{style} - Take {take}.wav").write_bytes(music(style, take))
    encoder = DescriptorEncoder()
    store = EmbeddingStore(made, encoder.space)
    with Catalog.open(made / "catalog.db") as catalog, DecoderPool(workers=1) as pool:
        scan(catalog, folder, pool=pool, progress=lambda done, total: None)
        embed(catalog, store, encoder, pool, options=EmbedOptions())
        build(catalog, store, made, use=Use.PERSONAL)
        publish(catalog, made)
    return made


@pytest.fixture(scope="session")
def encoder_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of an encoder that tests share."""
    with encoder_process(tmp_path_factory.mktemp("encoder")) as (_, port):
        yield port


@pytest.fixture(scope="session")
def hearing(home: Path, encoder_port: int) -> Iterator[Served]:
    """A server on :func:`home` that asks that encoder."""
    with served(home, encoder_port) as running:
        yield running


@contextmanager
def served(home: Path, encoder_port: int) -> Iterator[Served]:
    """Serve ``home`` with the encoder at that port of this machine."""
    with serving(home, encoder=Address(host="127.0.0.1", port=encoder_port)) as running:
        yield running
