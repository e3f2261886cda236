"""Which encoders there are, by name; each is loaded only when asked for, for some bring heavy libraries."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from indexer.encoders.base import Encoder
from indexer.encoders.mert.models import PUBLISHED_FILE, SPECS, WEIGHTS_FILE, MertSpec
from indexer.encoders.numba_cache import ensure_cache_folder
from indexer.encoders.settings import MODELS, EncoderSettings, refuse_settings
from recommender.errors import NotFound, WeightsMissing
from recommender.licences import find_licence, require
from recommender.types import Use

DESCRIPTORS = "descriptors"


def encoder_names() -> tuple[str, ...]:
    """Names of all encoders, the embedded default first. Loads none of them.

    >>> encoder_names()
    ('descriptors', 'mert-v1-95m', 'mert-v1-330m')
    """
    return (DESCRIPTORS, *SPECS)


def find_model(name: str) -> MertSpec | None:
    """The model behind the encoder called ``name``; None when it needs no weights. Raises NotFound."""
    if name not in encoder_names():
        raise NotFound("encoder", name, f"choose one of {', '.join(encoder_names())}")
    return SPECS.get(name)


def weights_folder(name: str, home: Path) -> Path | None:
    """Where the weights of ``name`` are when nothing else is said; None when it needs none. Raises NotFound."""
    return home / MODELS / name if find_model(name) else None


def load_encoder(name: str, settings: EncoderSettings | None = None) -> Encoder:
    """The encoder called ``name``, ready to encode. On several devices it has processes of its own: close it then.

    Raises:
        NotFound: there is no encoder of that name; the message lists those that there are.
        InvalidArgument: a setting that this encoder has no use for, or a value that is none.
        WeightsMissing: it needs weights, and ``settings.weights`` names no folder that holds them.
        WeightsRefused, KnownAnswerWrong: the weights are not the model's, or do not give what they gave before.
        EncoderLost: the process of one of several devices did not come up.
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
    """``folder``, when the weights of ``spec`` lie in it. Raises WeightsMissing, which says how to put them there."""
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
    """One encoder, as far as it is known before it is loaded."""

    name: str
    layers: tuple[str, ...]
    dim: int
    licence: str
    allows: tuple[str, ...]
    """Profiles that may use it."""
    weights: str | None
    """Folder where its weights are looked for; None when it needs none."""
    ready: bool
    """It needs no weights, or they are there. Whether they are right, ``encoder verify`` says."""


def list_encoders(home: Path) -> tuple[EncoderInfo, ...]:
    """Every encoder, with the weights that lie under ``home``."""
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
    """The encoder called ``name``, ready to encode, for the use ``profile``.

    Raises LicenceRefused, and what :func:`indexer.encoders.registry.load_encoder` raises.
    """
    model = find_model(name)
    if model:
        require(f"encoder {name}", find_licence(model.licence), use)
    encoder = load_encoder(name, settings)
    require(f"encoder {name}", encoder.licence, use)
    return encoder
