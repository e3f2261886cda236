"""Runs the whole path, from a folder of music to similar artists; each step is a command that a user could type."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from indexer.demo.synth import write_catalog
from indexer.encoders.mert.models import MertSpec, is_published
from indexer.encoders.registry import DESCRIPTORS, find_model, require_weights, weights_folder
from indexer.files.home import open_catalog
from recommender.catalog import Catalog, rows
from recommender.errors import InvalidArgument, Unavailable
from recommender.names import fold

PARTIAL = frozenset({"scan", "import", "embed"})
"""Commands whose exit status 1 means that some items failed; the demo continues with the others."""

START_S = 60.0
"""Seconds that the server may take until it listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMusic:
    """The music that the demo indexes: a folder, and files that describe it."""

    folder: Path
    tracklist: Path | None = None
    scene: Path | None = None
    collaborations: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoEncoder:
    """The encoder that the demo embeds with, and its settings."""

    name: str
    weights: Path | None = None
    device: str = "auto"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command-line options of ``embed`` for this encoder."""
        weights = ("--weights", str(self.weights.absolute())) if self.weights else ()
        device = ("--device", self.device) if self.device != "auto" else ()
        return ("--encoder", self.name, *weights, *device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Runs ``soundkin`` commands in one home, and prints each as a user would type it."""

    home: Path
    encoder: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """This process's variables, without the user's SOUNDKIN_ ones: the demo must touch no catalog but its own."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDKIN_")}
        return others | {"SOUNDKIN_HOME": str(self.home), "SOUNDKIN_ENCODER": self.encoder} | dict(self.settings)

    def show(self, *words: str) -> None:
        """Print a command."""
        click.secho(f"\n$ soundkin {shlex.join(words)}", bold=True)

    def run(self, *words: str) -> None:
        """Print a command and run it. A failure stops the demo, except when only some items of many failed."""
        self.show(*words)
        code = subprocess.run(soundkin(*words), env=self.environment, check=False).returncode  # noqa: S603 - our own command
        if code > (words[0] in PARTIAL):
            raise click.exceptions.Exit(code)

    def ask(self, *words: str) -> object:
        """Run a command with ``--json`` and return its parsed output. Raises Unavailable when it fails."""
        command = soundkin(*words, "--json")
        done = subprocess.run(command, env=self.environment, capture_output=True, check=False)  # noqa: S603 - as above
        if done.returncode:
            raise Unavailable(f"{shlex.join(words)}: {done.stderr.decode(errors='replace').strip()}")
        return json.loads(done.stdout)


def soundkin(*words: str) -> list[str]:
    """The command line that runs this installation of Soundkin, never a module of the current folder."""
    return [sys.executable, "-P", "-m", "soundkin", *words]


def run_demo(music: DemoMusic | None, *, home: Path | None, encoder: DemoEncoder) -> None:
    """Index ``music`` (a synthesised catalog when None), serve it, ask the server some questions, and stop it.

    Raises:
        WeightsMissing: the weights of the encoder are not there. This is checked before any other step.
    """
    with ExitStack() as stack:
        where = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soundkin-demo-")))
        where.mkdir(parents=True, exist_ok=True)
        steps = Steps(home=where.resolve(), encoder=encoder.name)
        model = find_model(encoder.name)
        weights = require_weights(model, encoder.weights or weights_folder(encoder.name, steps.home)) if model else None
        chosen = music or _synthesise(steps.home / "demo-music")
        _index(steps, chosen, encoder)
        address = stack.enter_context(_serving(steps))
        _questions(Steps(home=steps.home, encoder=encoder.name, settings={"SOUNDKIN_ADDRESS": address}))
        _print_encoder(model, weights)
        _closing(steps, encoder, music=music, kept=home is not None)


def _synthesise(folder: Path) -> DemoMusic:
    click.secho(f"Synthesising 8 invented artists x 5 clips of 30 s in {folder}", bold=True)
    started = time.monotonic()
    made = write_catalog(folder)
    click.echo(f"{len(made.clips)} clips in {time.monotonic() - started:.1f} s")
    return DemoMusic(folder=folder, tracklist=made.tracklist, scene=made.scene, collaborations=made.collaborations)


def _index(steps: Steps, music: DemoMusic, encoder: DemoEncoder) -> None:
    tracklist = ("--tracklist", str(music.tracklist)) if music.tracklist else ()
    steps.run("scan", str(music.folder), *tracklist)
    _require_tracks(steps)
    if music.scene:
        steps.run("import", "scene", str(music.scene), "--source", "demo-map", "--licence", "own")
    if music.collaborations:
        steps.run("import", "collaborations", str(music.collaborations), "--source", "demo-credits", "--licence", "own")
    steps.run("embed", *encoder.arguments)
    steps.run("embed", *encoder.arguments)
    click.secho("(the second run embeds nothing: no clip is ever extracted twice)", dim=True)
    steps.run("build", "--encoder", steps.encoder)
    steps.run("publish")


@contextmanager
def _serving(steps: Steps) -> Iterator[str]:
    """Run a server on a free loopback port during the block; gives its address."""
    port_file, log = steps.home / "demo.port", steps.home / "demo-server.log"
    port_file.unlink(missing_ok=True)
    words = ("serve", "--listen", "127.0.0.1:0", "--port-file", str(port_file))
    steps.show(*words)
    with (
        log.open("wb") as stderr,
        subprocess.Popen(soundkin(*words), env=steps.environment, stderr=stderr) as server,  # noqa: S603 - our own command
    ):
        try:
            port = _wait_for_port(server, port_file, log)
            click.echo(f"listening on 127.0.0.1:{port}, log in {log}")
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()
            port_file.unlink(missing_ok=True)
    click.echo("\nThe server is stopped.")


def _wait_for_port(server: subprocess.Popen[bytes], port_file: Path, log: Path) -> int:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        if port_file.exists():
            return int(port_file.read_text())
        time.sleep(0.05)
    raise Unavailable(f"the server did not start: {log.read_text(errors='replace').strip()[-500:]}")


def _questions(steps: Steps) -> None:
    """Ask about the artist with most tracks: similar artists, the reasons, and similar tracks."""
    with open_catalog(steps.home, None) as catalog:
        artist, track = _main_artist(catalog)
        names = Counter(fold(name.name) for name in catalog.read_names())
    wanted = _argument(artist.id, artist.name, names)
    steps.run("similar", wanted, "--explain", "--limit", "5")
    answer = steps.ask("similar", wanted, "--min-tracks", "1", "--limit", "1")
    for similar in answer["artists"] if isinstance(answer, dict) else []:
        steps.run("compare", wanted, _argument(similar["artist"]["id"], similar["artist"]["name"], names))
    layered = find_model(steps.encoder) is not None
    if layered:
        steps.run("similar", wanted, "--layer", "3", "--limit", "5")
    listening = ("--layer", "7") if layered else ("--aspect", "timbre")
    steps.run("tracks", f"id:{track.id}", *listening, "--exclude-same-artist", "--limit", "5")


def _argument(identifier: str, name: str, names: Mapping[str, int]) -> str:
    """The NAME of an artist on the command line: its name where that is unique, else its id."""
    return name if names[fold(name)] == 1 and ":" not in name else f"id:{identifier}"


def _require_tracks(steps: Steps) -> None:
    with open_catalog(steps.home, None) as catalog:
        if not catalog.read_tracks():
            raise InvalidArgument("audio", "no track was found, so there is nothing to ask; see what scan printed")


def _main_artist(catalog: Catalog) -> tuple[rows.Artist, rows.Track]:
    """The artist with most tracks (first by name among equals), and its first track by title."""
    artists = {artist.id: artist for artist in catalog.read_artists()}
    tracks = catalog.read_tracks()
    counts = Counter(track.artist_id for track in tracks)
    chosen = min(counts, key=lambda artist_id: (-counts[artist_id], artists[artist_id].name))
    first = min((track for track in tracks if track.artist_id == chosen), key=lambda track: (track.title, track.id))
    return artists[chosen], first


def _print_encoder(model: MertSpec | None, weights: Path | None) -> None:
    """Print the encoder, and how far its answers can be trusted. ``model`` is None for the one without weights."""
    name = model.id if model else DESCRIPTORS
    click.secho(f"\nThe encoder that answered: {name}", bold=True)
    if model is None or weights is None:
        click.echo(
            "It describes timbre, harmony, rhythm, spectral shape and dynamics with signal processing; no network, no\n"
            "weights. MERT is another `--encoder` of `embed` and `build`, in an embedding space of its own;\n"
            "`soundkin encoder fetch mert-v1-95m` brings its weights (CC-BY-NC-4.0)."
        )
    elif is_published(model, weights):
        click.echo(f"Its weights are the published ones, licensed {model.licence}.")
    else:
        click.echo(
            f"Its weights, in {weights}, are not known to be the published ones, neither by their\n"
            "sha256 nor by a record of their conversion. Random weights give meaningless answers: this run\n"
            "shows that the steps work, not which artists are similar."
        )


def _closing(steps: Steps, encoder: DemoEncoder, *, music: DemoMusic | None, kept: bool) -> None:
    """Print how to do the same again, or with the user's own music after a demo on synthesised music (None)."""
    home = str(steps.home) if kept else "DIR"
    options = "" if encoder.name == DESCRIPTORS else " " + shlex.join(encoder.arguments)
    space = "" if encoder.name == DESCRIPTORS else f" --encoder {encoder.name}"
    folder, tracklist = "FOLDER", " [--tracklist FILE.csv]"
    if music:
        folder = shlex.quote(str(music.folder))
        tracklist = f" --tracklist {shlex.quote(str(music.tracklist))}" if music.tracklist else ""
    click.secho("\nThe same again:" if music else "\nThe same with your own folder:", bold=True)
    for line in (
        f"soundkin demo --audio {folder}{tracklist} --home {shlex.quote(home)}{options}",
        "or, step by step:",
        f"export SOUNDKIN_HOME={shlex.quote(home)}",
        f"soundkin scan {folder}{tracklist}",
        f"soundkin embed{options} && soundkin build{space} && soundkin publish",
        "soundkin serve &",
        'soundkin similar "AN ARTIST" --explain',
    ):
        click.echo(f"  {line}")
