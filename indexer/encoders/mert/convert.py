"""A published ``pytorch_model.bin`` into safetensors, once: what ``soundkin encoder convert FOLDER`` does."""

from __future__ import annotations

import os
import pickletools
from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import torch
from safetensors.torch import save_file

from indexer.encoders.mert.config import Geometry, read_geometry
from indexer.encoders.mert.models import PUBLISHED_FILE, WEIGHTS_FILE, Origin, find_spec, write_origin
from indexer.encoders.mert.weights import Weights, file_sha256, open_weights
from indexer.files.atomic import sync_file, sync_folder
from recommender.errors import WeightsRefused

ALLOWED = frozenset(
    {
        "collections OrderedDict",
        "torch FloatStorage",
        "torch HalfStorage",
        "torch BFloat16Storage",
        "torch._utils _rebuild_tensor_v2",
    }
)
"""Everything a file of nothing but tensors names; the published files name the first, second and last of them."""

ONE_KEY = {"format": "pt"}
"""What transformers asks for, and nothing more: safetensors writes two keys in a random order, and the same weights
would get another digest, and with it another space, on every machine."""

_HIDDEN_NAMES = ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4")
"""Opcodes that import by a name on the stack, or by a number. The strings before a STACK_GLOBAL may be decoys, so that
only running the pickle shows the name. ``torch.save`` writes none of them (its pickles are of protocol 2), and the
loader behind ``weights_only`` refuses them too."""

_OTHER_PICKLE = (
    "was pickled in another way than torch.save does by default; save the tensors alone with torch.save, "
    "without pickle_protocol"
)
_UNREADABLE = (RuntimeError, EOFError, KeyError, ValueError, OSError)


def convert(source: Path, target: Path, geometry: Geometry, *, sha256: str | None = None) -> Weights:
    """Write the tensors of ``source`` to ``target``, which then opens as :func:`open_weights` does, or is not there.

    The pickle inside is first read as text: one that names anything but tensors is refused before it is loaded. Then
    it is loaded with ``weights_only``, which refuses it a second time. The same source always gives the same bytes.

    Raises:
        WeightsRefused: not the file of that ``sha256``; not a zip archive as ``torch.save`` writes it; something
            other than tensors in it, such as fairseq's dictionary; or what :func:`open_weights` refuses.
    """
    if sha256 is not None and (found := file_sha256(source)) != sha256:
        raise WeightsRefused(str(source), f"has sha256 {found}, not the {sha256} that was published")
    tensors = read_published(source)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        save_file(dict(tensors), aside, metadata=ONE_KEY)
        open_weights(aside, geometry)
        sync_file(aside)
        aside.rename(target)
        sync_folder(target.parent)
    finally:
        aside.unlink(missing_ok=True)
    return open_weights(target, geometry)


def convert_folder(folder: Path, *, model: str | None = None) -> Weights:
    """Convert the ``pytorch_model.bin`` of a folder by its ``config.json``, and put on record what it was made of.

    With ``model``, any file but the one published for it is refused. Raises WeightsRefused, or NotFound for a model
    that we do not know.
    """
    pin = find_spec(model).published.get(PUBLISHED_FILE) if model else None
    source = folder / PUBLISHED_FILE
    geometry = read_geometry(folder / "config.json")
    if not source.is_file():
        raise WeightsRefused(str(source), "is not there to be converted")
    weights = convert(source, folder / WEIGHTS_FILE, geometry, sha256=pin)
    write_origin(folder, Origin(source_sha256=file_sha256(source), weights_sha256=weights.sha256))
    return weights


def read_published(source: Path) -> Mapping[str, torch.Tensor]:
    """The tensors of a ``torch.save`` file that holds nothing else. Raises WeightsRefused."""
    foreign = sorted(set(named_globals(source)) - ALLOWED)
    if foreign:
        raise WeightsRefused(str(source), f"holds more than tensors and is not loaded: it names {', '.join(foreign)}")
    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise WeightsRefused(str(source), f"cannot be read: {error}") from error
    except Exception as error:
        # torch refuses with pickle's own UnpicklingError, and no module of ours imports pickle: so by its name. Its
        # text advises to load the file with weights_only=False, which would run whatever is in it.
        if type(error).__name__ != "UnpicklingError":
            raise
        raise WeightsRefused(str(source), f"holds more than tensors, or {_OTHER_PICKLE}") from None
    if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise WeightsRefused(str(source), "is not a table of tensors")
    return {str(name): tensor.contiguous().clone() for name, tensor in loaded.items()}


def named_globals(source: Path) -> Iterator[str]:
    """Every ``module name`` that the pickle inside a ``torch.save`` file would import; nothing is executed.

    Raises WeightsRefused for a pickle that is damaged, or that imports by names which only running it would show.
    """
    try:
        for opcode, argument, _ in pickletools.genops(_pickle_in(source)):
            if opcode.name in ("GLOBAL", "INST"):
                yield str(argument)
            elif opcode.name in _HIDDEN_NAMES:
                raise WeightsRefused(str(source), f"is not loaded: it {_OTHER_PICKLE}")
    except ValueError as error:
        raise WeightsRefused(str(source), f"holds a damaged pickle: {error}") from error


def _pickle_in(source: Path) -> bytes:
    try:
        with ZipFile(source) as archive:
            names = [name for name in archive.namelist() if name.endswith("/data.pkl") or name == "data.pkl"]
            if len(names) == 1:
                return archive.read(names[0])
    except (BadZipFile, OSError) as error:
        raise WeightsRefused(str(source), f"is not a file that torch.save wrote: {error}") from error
    raise WeightsRefused(str(source), f"holds {len(names)} pickles, not one")
