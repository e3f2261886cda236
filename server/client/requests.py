"""Turns command-line words into request messages, and reads the files of clips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pb import soundkin_pb2 as pb
from recommender.errors import InvalidArgument
from recommender.names import NAMESPACES, printable
from recommender.types import SignalName
from server.limits import MAX_AUDIO_BYTES, MAX_CLIP_BYTES, MAX_CLIPS
from server.rpc.responses import to_signal

_DASH = " - "
_MAX_CLIP = f"{MAX_CLIP_BYTES >> 20} MiB"
_MAX_AUDIO = f"{MAX_AUDIO_BYTES >> 20} MiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenBy:
    """Which layers the audio signal compares; at most one is given."""

    layer: str | None = None
    aspect: str | None = None
    mix: str | None = None
    """``layer=weight,layer=weight``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighBy:
    """Weights of the signals; at most one is given."""

    profile: str | None = None
    weights: tuple[str, ...] = ()
    """Each ``signal=weight``."""


def text(word: str) -> str:
    """``word`` unchanged. Raises InvalidArgument when the terminal sent bytes that are not UTF-8."""
    if not word.isprintable() and any("\ud800" <= char <= "\udfff" for char in word):
        raise InvalidArgument("name", f"{word!r} is not UTF-8; set the terminal's encoding, or ask by id:")
    return word


def artist_ref(word: str) -> pb.ArtistRef:
    """``id:…``, an id in a known catalog, or else a name. Raises InvalidArgument for what is not UTF-8.

    >>> artist_ref("mbid:b1").external_id.value, artist_ref("AC:DC").name, artist_ref("id:7").id
    ('b1', 'AC:DC', '7')
    """
    prefix, colon, rest = text(word).partition(":")
    if colon and rest and prefix == "id":
        return pb.ArtistRef(id=rest)
    if colon and rest and prefix in NAMESPACES:
        return pb.ArtistRef(external_id=pb.ExternalId(namespace=prefix, value=rest))
    return pb.ArtistRef(name=word)


def artist_refs(words: Iterable[str]) -> list[pb.ArtistRef]:
    """:func:`artist_ref` of each of ``words``."""
    return [artist_ref(word) for word in words]


def audio_clips(files: Sequence[Path]) -> list[pb.AudioClip]:
    """A clip of each file, with the file's name. Raises InvalidArgument for more than the server accepts."""
    if len(files) > MAX_CLIPS:
        raise InvalidArgument("--audio", f"has {len(files)} entries, at most {MAX_CLIPS}")
    clips, bytes_left = [], MAX_AUDIO_BYTES
    for file in files:
        clips.append(pb.AudioClip(file=_read_clip(file), name=printable(file.name)))
        bytes_left -= len(clips[-1].file)
        if bytes_left < 0:
            raise InvalidArgument("--audio", f"more than {_MAX_AUDIO} in all; give fewer files")
    return clips


def _read_clip(path: Path) -> bytes:
    """The whole file. At most one byte over the limit is read, because a pipe does not tell its size."""
    with path.open("rb") as file:
        content = file.read(MAX_CLIP_BYTES + 1)
    if len(content) > MAX_CLIP_BYTES:
        raise InvalidArgument("--audio", f"{path} has more than {_MAX_CLIP}; cut 30 s out")
    return content


def track_refs(word: str) -> list[pb.TrackRef]:
    """Tracks that ``word`` may mean, most likely first: ``id:…``, "Artist - Title" split at each dash, a title alone.

    >>> [(ref.name.artist, ref.name.title) for ref in track_refs("Ay - Song - Live")]
    [('Ay', 'Song - Live'), ('Ay - Song', 'Live'), ('', 'Ay - Song - Live')]
    """
    if text(word).startswith("id:") and len(word) > len("id:"):
        return [pb.TrackRef(id=word.removeprefix("id:"))]
    parts = word.split(_DASH)
    cuts = [(_DASH.join(parts[:cut]), _DASH.join(parts[cut:])) for cut in range(1, len(parts))]
    named = [(artist, title) for artist, title in cuts if artist.strip() and title.strip()]
    return [pb.TrackRef(name=pb.TrackName(title=title, artist=artist)) for artist, title in [*named, ("", word)]]


def listening(by: ListenBy) -> pb.Listening | None:
    """The listening of the request; None for the server's default. Raises InvalidArgument when two are given."""
    options = [option for option in ("layer", "aspect", "mix") if getattr(by, option) is not None]
    if len(options) > 1:
        raise InvalidArgument(f"--{options[0]}", f"cannot be combined with --{options[1]}; choose one")
    if by.layer is not None:
        return pb.Listening(layer=by.layer)
    if by.aspect is not None:
        return pb.Listening(aspect=by.aspect)
    if by.mix is not None:
        pairs = _pairs("--mix", by.mix.split(","))
        return pb.Listening(layer_mix=pb.LayerMix(layers=[pb.LayerWeight(layer=n, weight=w) for n, w in pairs]))
    return None


def signal_weights(by: WeighBy) -> pb.SignalWeights | None:
    """The user's own weights; None without any. Raises InvalidArgument for bad weights, and with a profile."""
    if not by.weights:
        return None
    if by.profile is not None:
        raise InvalidArgument("--weight", "cannot be combined with --profile; choose one")
    return pb.SignalWeights(
        weights=[
            pb.SignalWeight(signal=_signal(name), weight=weight) for name, weight in _pairs("--weight", by.weights)
        ]
    )


def _signal(name: str) -> pb.Signal:
    try:
        return to_signal(SignalName(name.strip().lower()))
    except ValueError as error:
        known = ", ".join(signal.value for signal in SignalName)
        raise InvalidArgument("--weight", f"{name!r} is not a signal; the signals are {known}") from error


def _pairs(option: str, words: Sequence[str]) -> list[tuple[str, float]]:
    return [_pair(option, word) for word in words]


def _pair(option: str, word: str) -> tuple[str, float]:
    name, equals, number = word.rpartition("=")
    try:
        weight = float(number)
    except ValueError as error:
        raise InvalidArgument(option, f"{word!r} is not NAME=NUMBER") from error
    if not (equals and name.strip()):
        raise InvalidArgument(option, f"{word!r} is not NAME=NUMBER")
    return name.strip(), weight
