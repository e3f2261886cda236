"""Only a config that asks for exactly our arithmetic passes; any other is refused by the field at fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexer.encoders.mert.config import differences, read_geometry, write_config
from indexer.encoders.mert.models import MERT_V1_95M, MERT_V1_330M, SPECS, MertSpec, find_spec
from recommender.errors import NotFound, WeightsRefused
from recommender.licences import LICENCES

GOOD = write_config(MERT_V1_95M.geometry)


def config(folder: Path, **changed: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**GOOD, **changed}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("feature_extractor_cqt", True),
        ("feat_extract_norm", "layer"),
        ("deepnorm", True),
        ("hidden_act", "gelu_new"),
        ("feat_extract_activation", "relu"),
        ("conv_bias", True),
        ("feat_proj_layer_norm", False),
        ("conv_pos_batch_norm", True),
        ("deepnorm", 0),
        ("hidden_size", 0),
        ("hidden_size", 768.0),
        ("hidden_size", "768"),
        ("num_hidden_layers", True),
        ("num_attention_heads", 7),
        ("num_conv_pos_embedding_groups", 5),
        ("intermediate_size", 1 << 20),
        ("do_stable_layer_norm", 1),
        ("conv_kernel", [10, 3]),
        ("conv_dim", 512),
        ("conv_stride", [5, 2, 2, 2, 2, 2, 3]),
        ("layer_norm_eps", 0.0),
        ("layer_norm_eps", float("nan")),
        ("num_feat_extract_layers", 6),
    ],
)
def test_a_config_we_do_not_compute_is_refused_by_name(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(WeightsRefused, match=field):
        read_geometry(config(tmp_path, **{field: value}))


@pytest.mark.parametrize("field", ["hidden_size", "conv_stride", "do_stable_layer_norm", "layer_norm_eps"])
def test_a_field_that_is_missing_is_named(tmp_path: Path, field: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({name: value for name, value in GOOD.items() if name != field}), encoding="utf-8")
    with pytest.raises(WeightsRefused, match=f"{field} is missing"):
        read_geometry(path)


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00\x01", "null", "[" * 100_000])
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(WeightsRefused, match="JSON"):
        read_geometry(path)


def test_attention_relax_and_the_cqt_bins_change_nothing(tmp_path: Path) -> None:
    assert read_geometry(config(tmp_path, attention_relax=32.0, feature_extractor_cqt_bins=336)) == MERT_V1_95M.geometry


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.id)
def test_a_written_config_reads_back(tmp_path: Path, spec: MertSpec) -> None:
    assert read_geometry(config(tmp_path, **write_config(spec.geometry))) == spec.geometry


def test_a_clip_of_thirty_seconds_has_2249_frames_of_400_samples_320_apart() -> None:
    geometry = MERT_V1_95M.geometry
    assert (geometry.frames(720_000), geometry.field, geometry.hop) == (2249, 400, 320)
    assert [geometry.frames(samples) for samples in (0, 399, 400, 719, 720)] == [0, 0, 1, 1, 2]


def test_differences_are_told_in_the_words_of_the_config() -> None:
    problems = differences(MERT_V1_330M.geometry, MERT_V1_95M.geometry)
    assert "hidden_size is 1024, not 768" in problems
    assert "do_stable_layer_norm is True, not False" in problems
    assert not any("conv" in problem for problem in problems)


def test_every_model_has_its_layers_a_known_licence_and_a_digest() -> None:
    assert [len(spec.layer_names) for spec in SPECS.values()] == [13, 25]
    for spec in SPECS.values():
        assert spec.licence in LICENCES
        assert spec.default_layer in spec.layer_names
        assert all(len(bytes.fromhex(digest)) == 32 for digest in spec.published.values())


def test_an_unknown_model_is_told_which_there_are() -> None:
    with pytest.raises(NotFound, match="mert-v1-95m, mert-v1-330m"):
        find_spec("mert-v3")
