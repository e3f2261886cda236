"""What an encoder may be told, and what it says when its weights are not where they should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from indexer.encoders.base import EncoderSettings
from indexer.encoders.registry import list_encoders, load_encoder, weights_folder
from recommender.errors import InvalidArgument, NotFound, WeightsMissing


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (EncoderSettings(weights=Path("x")), "weights"),
        (EncoderSettings(device="cuda"), "device"),
        (EncoderSettings(context="chunked:10"), "context"),
        (EncoderSettings(precision="fp16"), "precision"),
    ],
)
def test_an_encoder_without_weights_refuses_what_it_has_no_use_for(settings: EncoderSettings, field: str) -> None:
    with pytest.raises(InvalidArgument, match=f"descriptors has no {field}") as caught:
        load_encoder("descriptors", settings)
    assert caught.value.field == field


def test_weights_belong_in_the_home_under_the_encoders_name(tmp_path: Path) -> None:
    assert weights_folder("mert-v1-95m", tmp_path) == tmp_path / "models" / "mert-v1-95m"
    assert weights_folder("descriptors", tmp_path) is None
    with pytest.raises(NotFound):
        weights_folder("mertt", tmp_path)


def test_missing_weights_are_cured_by_fetching_or_converting(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"encoder fetch mert-v1-330m \(licence CC-BY-NC-4\.0\).*--weights"):
        load_encoder("mert-v1-330m", EncoderSettings(weights=tmp_path))
    with pytest.raises(WeightsMissing):
        load_encoder("mert-v1-330m")
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(WeightsMissing, match=f"soundkin encoder convert {tmp_path}"):
        load_encoder("mert-v1-330m", EncoderSettings(weights=tmp_path))


def test_the_list_knows_sizes_licences_and_whether_weights_are_there(tmp_path: Path) -> None:
    (tmp_path / "models" / "mert-v1-95m").mkdir(parents=True)
    (tmp_path / "models" / "mert-v1-95m" / "model.safetensors").touch()
    descriptors, small, large = list_encoders(tmp_path)
    assert (descriptors.name, descriptors.weights, descriptors.ready) == ("descriptors", None, True)
    assert (small.name, len(small.layers), small.dim, small.ready) == ("mert-v1-95m", 13, 768, True)
    assert (large.name, len(large.layers), large.dim, large.ready) == ("mert-v1-330m", 25, 1024, False)
    assert (small.licence, small.allows) == ("CC-BY-NC-4.0", ("noncommercial", "personal"))


def test_listing_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from indexer.encoders.registry import list_encoders; "
        f"list_encoders(Path({str(tmp_path)!r})); print(sorted({{'torch', 'safetensors'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
