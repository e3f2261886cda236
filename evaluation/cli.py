"""The commands ``soundkin evaluate`` and ``soundkin report``: measure the published generation and write a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from indexer.cli import options

if TYPE_CHECKING:  # importing a command must stay quick
    from evaluation.evaluate import Inputs
    from evaluation.gates import Thresholds
    from evaluation.learned_profile import LearnedProfile, LearningResult
    from evaluation.learned_trees import RankingResult
    from evaluation.report.document import Document
    from evaluation.results import EvaluationRun
    from recommender.fusion.learned_weights import Provenance
    from recommender.generation.open_generation import Generation

CommandT = TypeVar("CommandT", bound=Callable[..., Any])  # Any: a command takes its own options

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_RUN = click.Path(exists=True, path_type=Path)
_ENDINGS = (".html", ".md")
"""Endings that ``--out`` of ``report`` may have."""


def _measurement_options(command: CommandT) -> CommandT:
    """Add the options that both commands share."""
    given = (
        click.option("--pairs", type=_FILE, help="Chosen pairs and their targets, CSV; docs/evaluation.md."),
        click.option("--embed-report", type=_FILE, help="Output of soundkin embed --json, for success and cost."),
        click.option("--k", type=click.IntRange(1, 100), default=5, show_default=True, help="Length of the lists."),
        options.home_option,
    )
    for option in reversed(given):
        command = option(command)
    return command


_thresholds = click.option("--thresholds", type=_FILE, help="Gates, TOML.  [default: evaluation/thresholds.toml]")


@click.command(epilog="\b\nExample:\n  soundkin evaluate truth.csv --out results")
@click.argument("truth", type=_FILE)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for evaluation.json and similarities.csv."
)
@click.option(
    "--fit", is_flag=True, help="Also learn weights from TRUTH; the next build adds them as the profile `fitted`."
)
@click.option(
    "--learn",
    is_flag=True,
    help="Also learn a ranking from TRUTH, of 200 artists or more; the next build adds it as the profile `learned`.",
)
@_measurement_options
@_thresholds
@options.json_option
def evaluate(
    truth: Path,
    out: Path | None,
    fit: bool,
    learn: bool,
    pairs: Path | None,
    embed_report: Path | None,
    k: int,
    home: Path,
    thresholds: Path | None,
    as_json: bool,
) -> None:
    """Measure the published generation with TRUTH: artists known to be similar, CSV or JSON.

    Exit status 0: the run was measured, with any result. 1: rows of TRUTH or of the pairs are broken or ambiguous (they
    are listed); or no query of TRUTH is in the generation; or the weights learned by --fit are not better than the
    profile evidence on artists left out, and are not kept. An artist that is not in the generation is not an error: it
    lowers the ceiling.
    """
    from evaluation.gates import DEFAULT, read_thresholds
    from evaluation.pairs import write_similarities
    from evaluation.results import to_json, write_run
    from evaluation.truth import ABSENT
    from recommender.errors import BadInput

    gates = read_thresholds(thresholds or DEFAULT)
    from evaluation.current_generation import open_published

    with open_published(home) as generation:
        result = _learn(generation, truth, k) if fit else None
        learned = result.learned if result else None
        run = _measure(generation, _inputs(truth=truth, pairs=pairs, embed_report=embed_report, k=k, learned=learned))
        if out:
            click.echo(f"written: {write_run(run, out)}, {write_similarities(generation, out)}", err=True)
        ranking = _learn_ranking(generation, truth, k) if learn else None
    kept = _keep(home, result, _provenance(truth, run.pool.fingerprint)) if result else True
    if ranking:
        kept &= _keep_ranking(home, ranking, _provenance(truth, run.pool.fingerprint))
    if as_json:
        click.echo(to_json(run))
    else:
        _print(run, gates)
    rejected = (*(run.truth.rejected if run.truth else ()), *run.pairs_rejected)
    if not as_json:
        options.print_problems("Not used", [each.shown for each in rejected])
    if run.asks_nobody:
        raise BadInput(
            "no_queries", f"no query of {truth} is in the generation; only what needs no labels was measured"
        )
    options.finish(sum(each.reason != ABSENT for each in rejected) + (not kept))


@click.command(epilog="\b\nExample:\n  soundkin report results --out report.html")
@click.argument("measured", metavar="[RUN]", type=_RUN, required=False)
@click.option("--truth", type=_FILE, help="Without RUN: measure the published generation with this truth.")
@click.option(
    "--out",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="NAME.html, one page with its pictures, or NAME.md; may be repeated.  [default: on stdout]",
)
@click.option("--against", type=_RUN, help="Another run to compare with.")
@_measurement_options
@_thresholds
@options.json_option
def report(
    measured: Path | None,
    truth: Path | None,
    out: tuple[Path, ...],
    as_json: bool,
    against: Path | None,
    pairs: Path | None,
    embed_report: Path | None,
    k: int,
    home: Path,
    thresholds: Path | None,
) -> None:
    """Write the report of RUN, a folder or file of soundkin evaluate --out. Without RUN, measure first."""
    if measured and (truth or pairs or embed_report):
        raise click.UsageError(
            "--truth, --pairs and --embed-report cannot be combined with RUN, which is measured already"
        )
    wrong = [path for path in out if path.suffix.lower() not in _ENDINGS]
    if wrong:
        raise click.UsageError(f"{wrong[0]} must end with .html or .md")
    from evaluation.gates import DEFAULT, check_gates, read_thresholds
    from evaluation.report.comparison import compare_runs
    from evaluation.report.sections import document
    from evaluation.report.verdict import verdict
    from evaluation.results import figures, read_run

    gates = read_thresholds(thresholds or DEFAULT)
    other = read_run(against) if against else None
    if measured:
        run = read_run(measured)
    else:
        from evaluation.current_generation import open_published

        with open_published(home) as generation:
            run = _measure(generation, _inputs(truth=truth, pairs=pairs, embed_report=embed_report, k=k))
    results = check_gates(gates, figures(run))
    compared = compare_runs(run, other) if other else None
    _write(document(run, results, verdict(run, results), compared, thresholds=gates.name), out, as_json=as_json)


def _inputs(
    *, truth: Path | None, pairs: Path | None, embed_report: Path | None, k: int, learned: LearnedProfile | None = None
) -> Inputs:
    from evaluation.evaluate import Inputs
    from evaluation.results import read_extraction

    extraction = read_extraction(embed_report) if embed_report else None
    return Inputs(truth=truth, pairs=pairs, extraction=extraction, k=k, learned=learned)


def _measure(generation: Generation, inputs: Inputs) -> EvaluationRun:
    from evaluation.evaluate import evaluate as run

    with options.progress_bar("systems") as progress:
        return run(generation, inputs, progress=progress)


def _learn(generation: Generation, truth: Path, k: int) -> LearningResult:
    """Learn weights from the labels of ``truth``. Raises BadInput when there are too few."""
    from evaluation.learned_profile import learn
    from evaluation.truth import read_truth
    from recommender import layer_mix
    from recommender.ranking.artists import Recommender

    recommender = Recommender(generation)
    read = read_truth(truth, recommender.directory)
    return learn(recommender, read, layer_mix.by_default(generation.manifest.space), k=k)


def _learn_ranking(generation: Generation, truth: Path, k: int) -> RankingResult:
    """Learn trees from the labels of ``truth``. Raises BadInput when there are too few, or without LightGBM."""
    from evaluation.learned_trees import learn_ranking
    from evaluation.truth import read_truth
    from recommender import layer_mix
    from recommender.ranking.artists import Recommender

    recommender = Recommender(generation)
    read = read_truth(truth, recommender.directory)
    return learn_ranking(recommender, read, layer_mix.by_default(generation.manifest.space), k=k)


def _keep_ranking(home: Path, result: RankingResult, provenance: Provenance) -> bool:
    """Write the learned ranking into ``home`` for the next build; False where it does not beat ``evidence``."""
    from recommender.fusion.boosted_trees import FEATURES, RankingFile, save_ranking

    click.echo(result.summary, err=True)
    if not result.wins:
        click.echo("not kept: it is not better on artists left out; use the profile evidence", err=True)
        return False
    file = RankingFile(
        ranking=result.ranking,
        features=tuple(feature.name for feature in FEATURES),
        space=provenance.space,
        labels_sha256=provenance.labels_sha256,
        date=provenance.date,
        held_out=result.summary,
    )
    save_ranking(file, home)
    click.echo(f"written: {home}/learned.*; the next soundkin build adds them as the profile learned", err=True)
    return True


def _provenance(truth: Path, space: str) -> Provenance:
    import hashlib
    from datetime import UTC, datetime

    from recommender.fusion.learned_weights import Provenance

    digest = hashlib.sha256(truth.read_bytes()).hexdigest()
    return Provenance(labels_sha256=digest, date=datetime.now(UTC).date().isoformat(), space=space)


def _keep(home: Path, result: LearningResult, provenance: Provenance) -> bool:
    """Write learned weights into ``home`` for the next build; False where they do not beat ``evidence``."""
    from evaluation.fit_weights import save
    from evaluation.report.sections import describe_learned
    from recommender.generation.calibration import FITTED

    click.echo(describe_learned(result.learned), err=True)
    if result.learned.outcome != "better":
        click.echo("not kept: they are not better on artists left out; use the profile evidence", err=True)
        return False
    save(home / FITTED, result.weights, provenance)
    click.echo(f"written: {home / FITTED}; the next soundkin build adds it as the profile fitted", err=True)
    return True


def _print(run: EvaluationRun, thresholds: Thresholds) -> None:
    """Print the short form: one line per system, the gates, the verdict."""
    from evaluation.gates import check_gates
    from evaluation.report.document import interval
    from evaluation.report.verdict import verdict
    from evaluation.results import figures
    from recommender.names import printable

    gates = check_gates(thresholds, figures(run))
    judged = verdict(run, gates)
    click.echo(f"{run.pool.generation}, {run.pool.artists} artists, space {run.pool.space}")
    for system in () if run.asks_nobody else run.systems:
        primary = interval(system.measures[run.asked.primary])
        click.echo(f"{system.name}: {run.asked.primary} {primary}; overlap at {run.asked.k} {system.overlap.summary}")
    for each in gates:
        click.echo(each.summary)
    click.echo(f"verdict: {judged.status}")
    for sentence in (*judged.flags, *judged.actions, *judged.limits):
        click.echo(printable(f"- {sentence}"))


def _write(page: Document, out: tuple[Path, ...], *, as_json: bool) -> None:
    from evaluation.report.document import to_html, to_json, to_markdown
    from indexer.files.atomic import write_file

    for path in out:
        text = to_html(page) if path.suffix.lower() == ".html" else to_markdown(page)
        write_file(path, [text.encode()])
        click.echo(f"written: {path}", err=True)
    if as_json:
        click.echo(to_json(page))
    elif not out:
        click.echo(to_markdown(page), nl=False)
