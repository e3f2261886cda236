"""Every error that Soundkin raises on purpose, in one tree, for callers to catch and for users to read.

::

    SoundkinError
    ├── InvalidArgument          the request or option has no meaning; names the field to change
    │   ├── InvalidWeights       weights that are negative, not finite, unknown or all zero
    │   ├── InvalidPageToken     a page token from another request or another generation
    │   └── SpaceMismatch        vectors of two embedding spaces would be compared
    ├── NotFound                 no such artist, track, layer or aspect
    ├── AmbiguousName            several artists or tracks have this name
    ├── Unavailable              no generation is loaded, or a process that the request needs does not answer
    │   ├── Overloaded           the server has more work than it can do in time
    │   ├── NothingToServe       the server found no usable generation when it started
    │   └── EncoderUnavailable   the encoder process does not answer
    ├── EncoderMissing           the server was started without an encoder
    ├── EncoderMismatch          the encoder's embedding space is not the generation's
    ├── GenerationCorrupt        a published file is missing, unexpected or altered
    ├── PublishRefused           the publish gate rejected a built generation
    ├── EmbeddingsCorrupt        a file of the embedding store is altered or belongs to another space
    ├── CatalogError             the database is unreachable or has another schema
    ├── WeightsMissing           a model's weights are not in their folder
    ├── FetchFailed              a model's file could not be downloaded
    ├── WeightsRefused           a model's weights or configuration must not be used
    ├── KnownAnswerWrong         an encoder does not reproduce its recorded vector
    ├── LicenceRefused           a licence does not allow the use
    ├── DiskFull                 too little free space to start
    ├── Busy                     another process holds the lock or the port
    ├── DecoderStartFailed       no decoder process could be started
    ├── EncoderEnded             an encoder process ended and cannot be used again
    ├── EncoderLost              no clip can be encoded any more
    └── BadInput                 one file or row cannot be used; carries its reason

Each error keeps its data as attributes, and its message says what is wrong and what to do next. Nothing here depends on
gRPC: ``server/interceptors.py`` has the table from error to gRPC status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SoundkinError(Exception):
    """Base of every error raised on purpose."""


class InvalidArgument(SoundkinError):
    """A request that has no meaning. ``field`` names the part of the request to change."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


class InvalidWeights(InvalidArgument):
    """Signal or layer weights that are negative, not finite, unknown or all zero."""


class InvalidPageToken(InvalidArgument):
    """A page token that was made for another request or another generation."""

    def __init__(self, problem: str) -> None:
        super().__init__("page_token", f"{problem}; ask for the first page again")


class SpaceMismatch(InvalidArgument):
    """Vectors of two embedding spaces would be compared. ``expected`` and ``found`` are space keys."""

    def __init__(self, expected: str, found: str) -> None:
        self.expected = expected
        self.found = found
        super().__init__("space", f"expected {expected}, found {found}; vectors of two spaces are never compared")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """An artist, or a track of one, that may be meant by a name that nobody has."""

    artist_id: str
    artist_name: str
    score: float
    """Likeness of the two spellings, in [0, 1]."""
    why: str
    """What differs: "the", "and", "punctuation", "wording" (of a line-up) or "spelling"."""
    track_id: str = ""
    """Empty when an artist is suggested."""
    title: str = ""

    @property
    def label(self) -> str:
        """The name, or the title with its artist."""
        return f"{self.title} by {self.artist_name}" if self.track_id else self.artist_name


class NotFound(SoundkinError):
    """No ``kind`` (artist, track, layer, aspect …) is called ``wanted``. ``hint`` lists what can be asked for.

    ``suggestions`` are those that may be meant, best first; they take the place of the hint.
    """

    def __init__(self, kind: str, wanted: str, hint: str = "", suggestions: Sequence[Suggestion] = ()) -> None:
        self.kind = kind
        self.wanted = wanted
        self.hint = hint
        self.suggestions = tuple(suggestions)
        if self.suggestions:
            likely = " or ".join(f"{one.label} ({one.score:.2f})" for one in self.suggestions)
            hint = f"did you mean {likely}?"
        super().__init__(f"no {kind} {wanted!r}" + (f"; {hint}" if hint else ""))

    def suggesting(self, suggestions: Sequence[Suggestion]) -> NotFound:
        """The same error with ``suggestions``."""
        return NotFound(self.kind, self.wanted, self.hint, suggestions)


class AmbiguousName(SoundkinError):
    """Several artists or tracks have the name ``wanted``. ``candidates`` are (id, label) pairs to choose from."""

    def __init__(self, kind: str, wanted: str, candidates: Sequence[tuple[str, str]]) -> None:
        self.kind = kind
        self.wanted = wanted
        self.candidates = tuple(candidates)
        listed = ", ".join(f"{label} ({identifier})" for identifier, label in self.candidates)
        super().__init__(f"{len(self.candidates)} {kind}s are called {wanted!r}; ask by id: {listed}")


class Unavailable(SoundkinError):
    """No generation is loaded, or a process that the request needs does not answer. Trying again later may work."""


class Overloaded(Unavailable):
    """The server has more work than it can do in time. ``problem`` says which, and trying again soon may work."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}; try again in a moment, or ask another replica")


class NothingToServe(Unavailable):
    """The server found no usable generation when it started. ``problem`` says why."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}; or start with --wait, which answers NOT_SERVING until a generation is published")


class EncoderUnavailable(Unavailable):
    """The encoder process at ``address``, which embeds clips for the server, gives no usable answer."""

    def __init__(self, address: str, problem: str) -> None:
        self.address = address
        self.problem = problem
        super().__init__(
            f"the encoder at {address} {problem}; check that soundkin encoder serve runs there, and try again. "
            "Requests without audio still work"
        )


class EncoderMissing(SoundkinError):
    """The server cannot embed clips, because it was started without an encoder."""

    def __init__(self) -> None:
        super().__init__(
            "this server has no encoder for audio clips; start one with soundkin encoder serve, and start the server "
            "with --encoder HOST:PORT"
        )


class EncoderMismatch(SoundkinError):
    """The encoder at ``address`` embeds into the space ``serves``, but the generation's space is ``needed``."""

    def __init__(self, address: str, *, serves: str, needed: str) -> None:
        self.address = address
        self.serves = serves
        self.needed = needed
        super().__init__(
            f"the encoder at {address} embeds into the space {serves}, but the generation's space is {needed}; start "
            "soundkin encoder serve with the encoder, weights, context and precision of the generation"
        )


class GenerationCorrupt(SoundkinError):
    """A generation that must not be served. ``file`` is the first file that failed a check."""

    def __init__(self, generation: str, file: str, problem: str) -> None:
        self.generation = generation
        self.file = file
        self.problem = problem
        super().__init__(f"generation {generation}: {file}: {problem}; build and publish it again")


class PublishRefused(SoundkinError):
    """The publish gate rejected a generation. ``refusals`` are (code, detail) pairs, ``kept`` is the folder."""

    def __init__(self, generation: str, refusals: Sequence[tuple[str, str]], kept: str) -> None:
        self.generation = generation
        self.refusals = tuple(refusals)
        self.kept = kept
        codes = ", ".join(sorted({code for code, _ in self.refusals}))
        super().__init__(
            f"generation {generation} is not published ({codes}) and is kept in {kept}; fix the problem and build "
            'again, or build again and run soundkin publish --force --why "…"'
        )


class EmbeddingsCorrupt(SoundkinError):
    """A file of the embedding store is altered, incomplete or of another space, and must not be read."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(
            f"{file} {problem}; run soundkin verify --quarantine to move it aside, "
            "then soundkin embed to compute its embeddings, and only those, again"
        )


class WeightsMissing(SoundkinError):
    """The weights of ``model`` are not in ``folder``. ``cure`` says how to get them."""

    def __init__(self, model: str, folder: str, cure: str) -> None:
        self.model = model
        self.folder = folder
        self.cure = cure
        super().__init__(f"{model} has no weights in {folder}; {cure}")


class FetchFailed(SoundkinError):
    """``what`` could not be downloaded from the Hugging Face hub, and is not in its cache on this machine."""

    def __init__(self, what: str, problem: str) -> None:
        self.what = what
        self.problem = problem
        super().__init__(
            f"{what} could not be fetched: {problem}; check the network and HF_HUB_OFFLINE, or put config.json and "
            "pytorch_model.bin into a folder by other means and run soundkin encoder convert FOLDER"
        )


class WeightsRefused(SoundkinError):
    """A model file that must not be used. ``problem`` names the wrong tensor or field."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(f"{file}: {problem}; fetch the model's files again, or choose another folder")


class KnownAnswerWrong(SoundkinError):
    """An encoder does not reproduce the vector that is recorded for its weights. ``error`` is a share of its length."""

    def __init__(self, encoder: str, layer: str, error: float) -> None:
        self.encoder = encoder
        self.layer = layer
        self.error = error
        super().__init__(
            f"{encoder} does not reproduce its recorded vector of the test signal: layer {layer} is off by {error:.1e} "
            "of its length; restore the earlier torch and weights, and do not mix its vectors with earlier ones"
        )


class CatalogError(SoundkinError):
    """The catalog database is unreachable, is not Soundkin's, or has another schema."""


class LicenceRefused(SoundkinError):
    """The licence of ``what`` does not allow ``use``."""

    def __init__(self, what: str, licence: str, use: str) -> None:
        self.what = what
        self.licence = licence
        self.use = use
        super().__init__(
            f"{what} is licensed {licence}, which does not allow {use} use; "
            "choose another, or set --use to your actual use if the licence allows it"
        )


class DiskFull(SoundkinError):
    """Too little free space under ``folder`` to start. ``free`` and ``needed`` are bytes."""

    def __init__(self, folder: str, *, free: int, needed: int) -> None:
        self.folder = folder
        self.free = free
        self.needed = needed
        super().__init__(
            f"{folder} has {free / 1e6:,.0f} MB free and {needed / 1e6:,.0f} MB are needed; run soundkin collect, "
            "or free some space"
        )


class Busy(SoundkinError):
    """Another process, ``holder``, has the lock or address ``lock``."""

    def __init__(self, lock: str, holder: str) -> None:
        self.lock = lock
        self.holder = holder
        super().__init__(f"{lock} is held by {holder}; wait for it to finish, or stop it")


class DecoderStartFailed(SoundkinError):
    """No decoder process could be started, so no file can be decoded. ``cure`` says what to do."""

    def __init__(self, problem: str, cure: str) -> None:
        self.problem = problem
        self.cure = cure
        super().__init__(f"{problem}; {cure}")


class EncoderEnded(SoundkinError):
    """The encoder process on ``device`` ended twice on the same clips, or was closed. ``problem`` says which."""

    def __init__(self, device: str, problem: str) -> None:
        self.device = device
        self.problem = problem
        super().__init__(
            f"the encoder process on {device} {problem}; its messages are on stderr. Free some memory, leave {device} "
            "out of --device, or check the system's log"
        )


class EncoderLost(SoundkinError):
    """No clip can be encoded any more, because the device or the encoder process is gone."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"the encoder cannot continue: {problem}; check stderr, nvidia-smi and the system's log, free some memory "
            "or choose another --device; the same command then continues where this one stopped"
        )


class BadInput(SoundkinError):
    """One file or row cannot be used. ``reason`` is a stable word for counting, ``detail`` a sentence for the user."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")
