"""The encoders by name; each is loaded only when it is requested, because some need heavy libraries."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from indexer.encoders.base import MODELS, Encoder, EncoderSettings, refuse_settings
from indexer.encoders.mert.models import PUBLISHED_FILE, SPECS, WEIGHTS_FILE, MertSpec
from recommender.errors import NotFound, WeightsMissing
from recommender.licences import find_licence, require
from recommender.types import Use

logger = logging.getLogger(__name__)

NUMBA_FOLDER = "NUMBA_CACHE_DIR"
"""Variable of the folder that numba tries first. It is read when numba is loaded."""
USER_FOLDER = "XDG_CACHE_HOME"
"""Variable of the user's cache folder; librosa reads it when it is loaded, and writes nothing there."""


def ensure_cache_folder() -> Path | None:
    """Make a cache folder for this process if the user's cannot be written. To be called before librosa is loaded.

    Returns the folder, which is removed when the process ends; None when none was needed. Only this user can read it
    and no two processes share one: numba loads the files in it as code.
    """
    numba_folder, user_folder = os.environ.get(NUMBA_FOLDER), _user_cache_folder()
    writable = any(_is_writable(Path(folder)) for folder in (numba_folder, user_folder) if folder)
    if writable and user_folder:
        return None
    folder = Path(tempfile.mkdtemp(prefix="soundkin-numba-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if not user_folder:
        os.environ[USER_FOLDER] = str(folder)
    if not writable:
        os.environ[NUMBA_FOLDER] = str(folder)
    logger.info("HOME and %s name no folder that can be written; compiling into %s", NUMBA_FOLDER, folder)
    return folder


def _user_cache_folder() -> str | None:
    """The folder for caches of this user; None without a home folder."""
    folder = os.environ.get(USER_FOLDER)
    if folder:
        return folder
    if os.environ.get("HOME") == "":
        return None
    try:
        return str(Path.home() / ".cache")
    except RuntimeError:
        return None


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


DESCRIPTORS = "descriptors"


def encoder_names() -> tuple[str, ...]:
    """Names of all encoders, the embedded default first. Loads none of them.

    >>> encoder_names()
    ('descriptors', 'mert-v1-95m', 'mert-v1-330m')
    """
    return (DESCRIPTORS, *SPECS)


def find_model(name: str) -> MertSpec | None:
    """The model of the encoder ``name``; None when it needs no weights. Raises NotFound."""
    if name not in encoder_names():
        raise NotFound("encoder", name, f"choose one of {', '.join(encoder_names())}")
    return SPECS.get(name)


def weights_folder(name: str, home: Path) -> Path | None:
    """The default folder of the weights of ``name``; None when it needs none. Raises NotFound."""
    return home / MODELS / name if find_model(name) else None


def load_encoder(name: str, settings: EncoderSettings | None = None) -> Encoder:
    """The encoder ``name``, ready to encode. On several devices it has processes of its own: close it after use.

    Raises:
        NotFound: there is no encoder of that name; the message lists all names.
        InvalidArgument: a setting that this encoder does not have, or an unknown value.
        WeightsMissing: it needs weights, and they are not in the folder ``settings.weights``.
        WeightsRefused, KnownAnswerWrong: the weights are not the model's, or their known answer has changed.
        EncoderLost: the process of one of several devices did not start.
    """
    settings = settings or EncoderSettings()
    spec = find_model(name)
    return _mert(spec, settings) if spec else _descriptors(settings)


def _descriptors(settings: EncoderSettings) -> Encoder:
    refuse_settings(DESCRIPTORS, settings)
    ensure_cache_folder()
    from indexer.encoders.descriptors.encoder import DescriptorEncoder  # brings librosa

    return DescriptorEncoder()


def _mert(spec: MertSpec, settings: EncoderSettings) -> Encoder:
    folder = require_weights(spec, settings.weights)
    from indexer.encoders.mert.batches import read_context
    from indexer.encoders.mert.device import choose_devices
    from indexer.encoders.mert.encoder import MertEncoder, MertOptions  # brings torch

    context, devices = read_context(settings.context), choose_devices(settings.device)
    if len(devices) > 1:
        return _on_devices(spec.id, replace(settings, weights=folder), [str(device) for device in devices])
    return MertEncoder(spec, folder, MertOptions(device=str(devices[0]), precision=settings.precision, context=context))


def _on_devices(name: str, settings: EncoderSettings, devices: Sequence[str]) -> Encoder:
    from indexer.encoders.processes.multi_device import MultiDeviceEncoder
    from indexer.encoders.processes.process_main import Recipe

    threads = max(1, (os.cpu_count() or 1) // len(devices))
    texts = {"encoder": name} | {field: str(value) for field, value in asdict(settings).items()}
    loader = f"{__name__}:{load_from_recipe.__name__}"
    return MultiDeviceEncoder(
        [
            Recipe(loader=loader, settings=texts | {"device": device}, device=device, threads=threads)
            for device in devices
        ]
    )


def load_from_recipe(settings: Mapping[str, str]) -> Encoder:
    """The encoder of a process that was given its name and settings as texts; see :func:`load_encoder`."""
    rest = {name: value for name, value in settings.items() if name not in ("encoder", "weights")}
    return load_encoder(settings["encoder"], EncoderSettings(weights=Path(settings["weights"]), **rest))


def require_weights(spec: MertSpec, folder: Path | None) -> Path:
    """``folder``, if it has the weights of ``spec``. Raises WeightsMissing, which says how to get them."""
    if folder is None:
        raise WeightsMissing(spec.id, "no folder at all", "name one that holds them")
    if (folder / WEIGHTS_FILE).is_file():
        return folder
    if (folder / PUBLISHED_FILE).is_file():
        raise WeightsMissing(spec.id, str(folder), f"convert its pytorch_model.bin: soundkin encoder convert {folder}")
    raise WeightsMissing(
        spec.id,
        str(folder),
        f"run soundkin encoder fetch {spec.id} (licence {spec.licence}), or say --weights FOLDER, or put the published "
        f"config.json and pytorch_model.bin there and run soundkin encoder convert {folder}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInfo:
    """What is known of an encoder before it is loaded."""

    name: str
    layers: tuple[str, ...]
    dim: int
    licence: str
    allows: tuple[str, ...]
    """Uses that its licence allows."""
    weights: str | None
    """Folder of its weights; None when it needs none."""
    ready: bool
    """Whether it needs no weights, or they are there. ``encoder verify`` checks whether they are right."""


def list_encoders(home: Path) -> tuple[EncoderInfo, ...]:
    """Every encoder, with the weights in ``home``."""
    return tuple(_listed(name, weights_folder(name, home)) for name in encoder_names())


def _listed(name: str, folder: Path | None) -> EncoderInfo:
    layers, dim, licence = _shape(name)
    return EncoderInfo(
        name=name,
        layers=layers,
        dim=dim,
        licence=licence,
        allows=tuple(sorted(use.value for use in find_licence(licence).allows)),
        weights=str(folder) if folder else None,
        ready=folder is None or (folder / WEIGHTS_FILE).is_file(),
    )


def _shape(name: str) -> tuple[tuple[str, ...], int, str]:
    """Layers, dimension and licence."""
    spec = find_model(name)
    if spec is not None:
        return spec.layer_names, spec.geometry.hidden, spec.licence
    space = load_encoder(name).space
    return space.layer_names, space.dim, space.licence


def load_allowed(name: str, settings: EncoderSettings, use: Use) -> Encoder:
    """The encoder ``name``, ready to encode, if its licence allows ``use``.

    Raises LicenceRefused, and what :func:`load_encoder` raises.
    """
    model = find_model(name)
    if model:
        require(f"encoder {name}", find_licence(model.licence), use)
    encoder = load_encoder(name, settings)
    require(f"encoder {name}", encoder.licence, use)
    return encoder
