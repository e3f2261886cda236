"""An encoder that the use allows: its licence is checked before anything of it is loaded, and again after."""

from __future__ import annotations

from indexer.encoders import find_model, load_encoder
from indexer.encoders.base import Encoder
from indexer.encoders.settings import EncoderSettings
from recommender.licences import find_licence, require
from recommender.types import Profile


def load_allowed(name: str, settings: EncoderSettings, profile: Profile) -> Encoder:
    """The encoder called ``name``, ready to encode, for the use ``profile``.

    Raises LicenceRefused, and what :func:`indexer.encoders.load_encoder` raises.
    """
    model = find_model(name)
    if model:
        require(f"encoder {name}", find_licence(model.licence), profile)
    encoder = load_encoder(name, settings)
    require(f"encoder {name}", encoder.licence, profile)
    return encoder
