"""Every error Soundkin raises on purpose, one tree.

::

    SoundkinError
    ├── InvalidArgument          the caller asked for something that has no meaning
    │   ├── InvalidWeights       negative, NaN, infinite or all zero
    │   ├── InvalidPageToken     made by another request, or not by us
    │   └── SpaceMismatch        vectors of two spaces were about to meet
    ├── NotFound                 no such artist, track, layer or aspect
    ├── AmbiguousName            one name, several artists or tracks
    ├── Unavailable              no generation is loaded, or what else a request needs is away
    │   ├── NothingToServe       a server found none to start with
    │   └── EncoderUnavailable   the process that hears clips for a server does not answer
    ├── EncoderMissing           a server that was started without one
    ├── EncoderMismatch          it encodes for another space than the generation's
    ├── GenerationCorrupt        a published file is missing, extra or altered
    ├── PublishRefused           a built generation that is worse than the one that serves
    ├── EmbeddingsCorrupt        a sealed shard of embeddings is altered or of another space
    ├── CatalogError           the database is unreachable or of another version
    ├── WeightsMissing           a model whose weights are not where they were looked for
    ├── FetchFailed              a file of a model could not be had from the hub or its cache
    ├── WeightsRefused           a model's weights or config that must not be used
    ├── KnownAnswerWrong         an encoder does not give the vector it gave before
    ├── LicenceRefused           the use forbids an encoder or a source
    ├── DiskFull                 too little room to begin
    ├── Busy                     another process holds the lock
    ├── DecoderStartFailed       no process to decode files in came up
    ├── EncoderEnded             a process to encode clips in was lost over the same clips again
    ├── EncoderLost              no clip can be encoded any more, whichever it is
    └── BadInput                 one file or row that cannot be used; carries its reason

Each error keeps its data as attributes and says in its message what to do next. Nothing here knows gRPC: the table
from error to status lives in ``server/interceptors.py``.
"""

from __future__ import annotations

from collections.abc import Sequence


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
    """A page token that this request, on this generation, did not produce."""

    def __init__(self, problem: str) -> None:
        super().__init__("page_token", f"{problem}; ask for the first page again")


class SpaceMismatch(InvalidArgument):
    """Vectors of two embedding spaces were about to be compared."""

    def __init__(self, expected: str, found: str) -> None:
        self.expected = expected
        self.found = found
        super().__init__("space", f"expected {expected}, found {found}; vectors of two spaces are never compared")


class NotFound(SoundkinError):
    """No such ``kind`` (artist, track, layer, aspect …) as ``wanted``."""

    def __init__(self, kind: str, wanted: str, hint: str = "") -> None:
        self.kind = kind
        self.wanted = wanted
        super().__init__(f"no {kind} {wanted!r}" + (f"; {hint}" if hint else ""))


class AmbiguousName(SoundkinError):
    """One name that fits several. ``candidates`` are (id, label) pairs to choose from."""

    def __init__(self, kind: str, wanted: str, candidates: Sequence[tuple[str, str]]) -> None:
        self.kind = kind
        self.wanted = wanted
        self.candidates = tuple(candidates)
        listed = ", ".join(f"{label} ({identifier})" for identifier, label in self.candidates)
        super().__init__(f"{len(self.candidates)} {kind}s are called {wanted!r}; ask by id: {listed}")


class Unavailable(SoundkinError):
    """There is no generation to answer from, or a process that a request needs does not answer."""


class NothingToServe(Unavailable):
    """A server found no generation to answer from when it started. ``problem`` says why."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}; or give --wait, to listen and answer NOT_SERVING until one is published")


class EncoderUnavailable(Unavailable):
    """The encoder at ``address``, which a server asks for embeddings of clips, does not answer as it should."""

    def __init__(self, address: str, problem: str) -> None:
        self.address = address
        self.problem = problem
        super().__init__(
            f"the encoder at {address} {problem}; see that soundkin encoder serve runs there, and ask again. Requests "
            "without audio are answered as ever"
        )


class EncoderMissing(SoundkinError):
    """A server that cannot hear clips, because nobody told it of an encoder."""

    def __init__(self) -> None:
        super().__init__(
            "this server has no encoder to hear clips with; start one with soundkin encoder serve, and the server with "
            "--encoder HOST:PORT"
        )


class EncoderMismatch(SoundkinError):
    """The encoder at ``address`` makes vectors of the space ``serves``, the generation holds those of ``needed``."""

    def __init__(self, address: str, *, serves: str, needed: str) -> None:
        self.address = address
        self.serves = serves
        self.needed = needed
        super().__init__(
            f"the encoder at {address} encodes for the space {serves}, the generation is of {needed}; start soundkin "
            "encoder serve with the encoder, weights, context and precision that it was embedded with"
        )


class GenerationCorrupt(SoundkinError):
    """A generation that must not be served. ``file`` is the first one found wrong."""

    def __init__(self, generation: str, file: str, problem: str) -> None:
        self.generation = generation
        self.file = file
        self.problem = problem
        super().__init__(f"generation {generation}: {file}: {problem}; build and publish it again")


class PublishRefused(SoundkinError):
    """A built generation that the gate refused. ``refusals`` are (code, detail) pairs, ``kept`` is where it lies."""

    def __init__(self, generation: str, refusals: Sequence[tuple[str, str]], kept: str) -> None:
        self.generation = generation
        self.refusals = tuple(refusals)
        self.kept = kept
        codes = ", ".join(sorted({code for code, _ in self.refusals}))
        super().__init__(
            f"generation {generation} is not published ({codes}) and is kept in {kept}; mend what is wrong and build "
            'again, or build again and soundkin publish --force --why "…"'
        )


class EmbeddingsCorrupt(SoundkinError):
    """A file of the embedding store that cannot be trusted."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(
            f"{file} {problem}; soundkin verify --quarantine moves it aside, "
            "and soundkin embed then makes what it held, and only that, again"
        )


class WeightsMissing(SoundkinError):
    """A model whose weights are not in ``folder``. ``cure`` is what puts them there."""

    def __init__(self, model: str, folder: str, cure: str) -> None:
        self.model = model
        self.folder = folder
        self.cure = cure
        super().__init__(f"{model} has no weights in {folder}; {cure}")


class FetchFailed(SoundkinError):
    """``what`` could not be had from the Hugging Face hub, nor from its cache on this machine."""

    def __init__(self, what: str, problem: str) -> None:
        self.what = what
        self.problem = problem
        super().__init__(
            f"{what} could not be fetched: {problem}; check the network and HF_HUB_OFFLINE, or put config.json and "
            "pytorch_model.bin into a folder by other means and run soundkin encoder convert FOLDER"
        )


class WeightsRefused(SoundkinError):
    """A file of a model that must not be used. ``problem`` names the tensor or the field at fault."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(f"{file}: {problem}; fetch the model's files again, or choose another folder")


class KnownAnswerWrong(SoundkinError):
    """An encoder whose vector of the test signal is not the one on record for its weights."""

    def __init__(self, encoder: str, layer: str, error: float) -> None:
        self.encoder = encoder
        self.layer = layer
        self.error = error
        super().__init__(
            f"{encoder} gives another answer to the test signal than is on record: layer {layer} is off by {error:.1e} "
            "of its length; put torch and the weights back as they were, and do not mix its vectors with earlier ones"
        )


class CatalogError(SoundkinError):
    """The catalog database cannot be used as it is."""


class LicenceRefused(SoundkinError):
    """``what`` is not allowed for ``use`` by its licence."""

    def __init__(self, what: str, licence: str, use: str) -> None:
        self.what = what
        self.licence = licence
        self.use = use
        super().__init__(
            f"{what} is licensed {licence}, which does not allow {use} use; "
            "choose another, or set --use if your use is covered"
        )


class DiskFull(SoundkinError):
    """Too little room under ``folder`` to begin. ``free`` and ``needed`` are bytes."""

    def __init__(self, folder: str, *, free: int, needed: int) -> None:
        self.folder = folder
        self.free = free
        self.needed = needed
        super().__init__(
            f"{folder} has {free / 1e6:,.0f} MB free and {needed / 1e6:,.0f} MB are asked for; run soundkin collect, "
            "or free some space"
        )


class Busy(SoundkinError):
    """Another process holds ``lock``."""

    def __init__(self, lock: str, holder: str) -> None:
        self.lock = lock
        self.holder = holder
        super().__init__(f"{lock} is held by {holder}; wait for it to finish, or stop it")


class DecoderStartFailed(SoundkinError):
    """A decoder process did not come up, so no file can be decoded. ``problem`` is how, ``cure`` what to do."""

    def __init__(self, problem: str, cure: str) -> None:
        self.problem = problem
        self.cure = cure
        super().__init__(f"{problem}; {cure}")


class EncoderEnded(SoundkinError):
    """The encoder process on ``device`` was lost over the same clips again, or closed. ``problem`` is how."""

    def __init__(self, device: str, problem: str) -> None:
        self.device = device
        self.problem = problem
        super().__init__(
            f"the encoder process on {device} {problem}; what it said is on stderr: free some memory, leave {device} "
            "out of --device, or look at the system's log"
        )


class EncoderLost(SoundkinError):
    """No clip can be encoded any more, whichever it is: the device or the encoder's process is gone."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"the encoder cannot go on: {problem}; look at stderr, nvidia-smi and the system's log, free some memory "
            "or choose another --device; the same command then goes on where this one stopped"
        )


class BadInput(SoundkinError):
    """One file or row that cannot be used. ``reason`` is a stable word for counting, ``detail`` is for the reader."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")
