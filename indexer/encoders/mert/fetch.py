"""Downloads the published files of a model from the Hugging Face hub, or its cache, to a folder for the encoder."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

from indexer.encoders.mert.config import read_geometry
from indexer.encoders.mert.convert import convert
from indexer.encoders.mert.encoder import load_model
from indexer.encoders.mert.models import PUBLISHED_FILE, WEIGHTS_FILE, MertSpec, Origin, write_origin
from indexer.encoders.mert.weights import Weights, file_sha256
from indexer.files.atomic import make_folder, write_file
from recommender.errors import FetchFailed, WeightsRefused

CONFIGS = ("config.json", "preprocessor_config.json")

_FAILED: tuple[type[Exception], ...] = (OSError, EntryNotFoundError, HfHubHTTPError.__mro__[1])
"""Errors of calls to the hub. The last is the base error of the HTTP library that this huggingface_hub uses."""

_FULL_HASH = 40


def fetch(spec: MertSpec, folder: Path) -> Weights:
    """Download the files of ``spec`` at its pinned revision to ``folder``, convert and check them.

    Files in the hub's cache are not downloaded again (``HF_HOME``, ``HF_HUB_OFFLINE`` and the other variables of
    huggingface_hub apply).

    Raises:
        FetchFailed: no network, or no such file, revision or repository.
        WeightsRefused: a file is not the one that was published, or not what the model needs.
    """
    revision = full_revision(spec)
    make_folder(folder)
    for name in CONFIGS:
        write_file(folder / name, [_download(spec, revision, name).read_bytes()])
    (name, sha256), *_ = spec.published.items()
    source = _download(spec, revision, name)
    _require_published(source, sha256)
    if name == PUBLISHED_FILE:
        weights = convert(source, folder / WEIGHTS_FILE, read_geometry(folder / "config.json"))
        write_origin(folder, Origin(source_sha256=sha256, weights_sha256=weights.sha256))
    else:
        write_file(folder / WEIGHTS_FILE, [source.read_bytes()])
    return load_model(spec, folder)


def full_revision(spec: MertSpec) -> str:
    """All 40 digits of the commit that ``spec`` pins, which the hub requires: from its cache, else from its history.

    Raises FetchFailed.
    """
    if len(spec.revision) == _FULL_HASH:
        return spec.revision
    commits = _cached_revisions(spec) or _published_revisions(spec)
    if len(commits) != 1:
        raise FetchFailed(f"{spec.repo} at {spec.revision}", f"{len(commits)} commits begin with {spec.revision}")
    return commits.pop()


def _cached_revisions(spec: MertSpec) -> set[str]:
    snapshots = Path(constants.HF_HUB_CACHE) / f"models--{spec.repo.replace('/', '--')}" / "snapshots"
    return {path.name for path in snapshots.glob(f"{spec.revision}*") if len(path.name) == _FULL_HASH}


def _published_revisions(spec: MertSpec) -> set[str]:
    try:
        commits = HfApi().list_repo_commits(spec.repo)
    except _FAILED as error:
        raise FetchFailed(f"the history of {spec.repo}", _first_line(error)) from error
    return {commit.commit_id for commit in commits if commit.commit_id.startswith(spec.revision)}


def _download(spec: MertSpec, revision: str, name: str) -> Path:
    try:
        return Path(hf_hub_download(spec.repo, name, revision=revision))
    except _FAILED as error:
        raise FetchFailed(f"{name} of {spec.repo} at {revision}", _first_line(error)) from error


def _require_published(file: Path, sha256: str) -> None:
    digest = file_sha256(file)
    if digest != sha256:
        raise WeightsRefused(str(file), f"has sha256 {digest}, not the {sha256} that was published")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
