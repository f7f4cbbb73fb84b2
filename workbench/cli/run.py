"""`run`: from recipes to results."""

import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import ERROR, FAIL, INCONCLUSIVE, PASS, error_lines, main
from workbench.cli._shared.interrupt import keep_finished
from workbench.cli._shared.notes import note
from workbench.cli._shared.options import (
    RunOptions,
    VariantOptions,
    gates_option,
    jobs_option,
    opened_workers,
    prepare_variants,
    run_name,
    run_options,
    scheduler_option,
    variant_options,
)
from workbench.cli._shared.output import print_archived, print_run
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import recipes_argument
from workbench.cli._shared.waiting import Waiting, note_many
from workbench.workflows.folders import baseline_store, program_store

if TYPE_CHECKING:
    from workbench.records.metrics import Verdict
    from workbench.workflows.variant.run import RunOutcome


@main.command()
@recipes_argument
@variant_options
@gates_option
@jobs_option
@scheduler_option
@run_options("Folder of the run; an existing run is resumed.  [default: a dated folder below outputs/]")
def run(
    recipes: tuple[str, ...],
    chosen: VariantOptions,
    gates: Path | None,
    jobs: int,
    scheduler: str | None,
    options: RunOptions,
) -> None:
    """Build, score and time every variant of the recipes.

    Writes a folder for each variant with result.json, the program, pictures and frames, and report.html with all
    results in the run's folder. The same command with the same --out does only what is missing or has changed. An
    earlier result is renamed to result-<date>.json. If only gates changed, the measurements are reused and the gates
    are evaluated again. A variant that cannot be measured does not stop the others.

    A file of gates maps metrics to limits, as `gates:` in a recipe does; `workbench metrics` lists the metrics. It
    overrides the gates of every recipe metric by metric; null removes one.

    --set sets a key of every recipe for this run. Its value is YAML; several values, separated by commas, make a
    matrix, and a list is one value if it is in brackets. The name of a variant gets the key and the value.

    --jobs builds and scores variants in child processes, of which each needs its own memory. Of a single variant, they
    run the baseline while its program is built. --scheduler does the same on the machines of a Dask cluster, which need
    this version of the workbench. Programs and frames are the same as with one job. Nothing else runs while a variant
    is timed, and it is timed on this machine.

    A recipe with the backend onnx, openvino, coreml or arm needs the extra of this name: pip install
    'pesto-workbench[onnx]'. `workbench doctor` lists which are installed.

    Exit codes: 0 all variants pass; 1 a variant fails; 2 error, or a variant could not be measured; 3 no variant fails,
    and some are inconclusive.

    \b
    Example:
      workbench run float-xnnpack --audio my-takes/ --out outputs/takes
      workbench run shipped --gates gates.yaml --out outputs/all --jobs 2
      workbench run shipped --out outputs/all --scheduler tcp://192.168.1.5:8786
      workbench run int8-mixed --set mirror=0,0.5,1 --set "gates.program.bytes=<= 800 kB"
      workbench run float-rates --variant '*mirror=0' --quiet
      workbench run float-xnnpack --json | jq .deviation.pitch.p95_cents
    """
    catalog = options.catalog
    loaded = chosen.load(recipes, catalog, gates)
    note_many(len(loaded))
    variants = prepare_variants(loaded)
    from workbench.workflows.run import RunFailure, run_variants, write_run_report
    from workbench.workflows.variant.prepare import load_clips

    with progress_shown() as progress:
        variants = load_clips(variants, catalog, options.audio, progress)
    workers = opened_workers(jobs, scheduler)
    folder = options.folder(run_name(variants))
    waiting = Waiting(variants, folder)
    results, all_measured = [], True
    try:
        stores = program_store(), baseline_store()
        for outcome in run_variants(variants, folder, progress_shown, options.fresh, *stores, workers):
            if isinstance(outcome, RunFailure):
                for line in error_lines(outcome.error):
                    click.echo(f"error: {outcome.name}: {line}", err=True)
                all_measured = False
            else:
                _print_notes(outcome)
                results.append((outcome.result, outcome.folder))
                if outcome.program is None and outcome.result.not_run_here:  # a package that lowers is missing
                    click.echo(f"error: {outcome.folder.name}: {outcome.result.not_run_here}", err=True)
                    all_measured = False
            waiting.done(measured=isinstance(outcome, RunFailure) or outcome.is_measured)
    except KeyboardInterrupt:
        if results:
            page = write_run_report(folder, results, catalog).page
            keep_finished(f"{waiting.finished}, see {page}")
        raise
    if results:
        print_run(folder, results, catalog, options.as_json)
    sys.exit(_worst({result.verdict for result, _ in results}) if all_measured else ERROR)


def _print_notes(outcome: "RunOutcome") -> None:
    """Prints which earlier result was renamed and what was reused of it."""
    from workbench.workflows.variant.run import Reused

    name = outcome.folder.name
    for archived in outcome.archived:
        print_archived(archived, f"{name}: ")
    match outcome.reused:
        case Reused.NOTHING:
            return
        case Reused.FIGURES:
            before, after = outcome.previous_verdict, outcome.result.verdict
            change = f": {before} -> {after}" if before != after else ""
            text = f"measurements reused, gates re-evaluated{change}"
        case Reused.SCORES:
            text = "unchanged: scores reused, timing repeated (it was inconclusive)"
        case _:
            text = f"unchanged: {outcome.reused} reused"
    note(f"{name}: {text}")


def _worst(verdicts: "Collection[Verdict]") -> int:
    if "fail" in verdicts:
        return FAIL
    return INCONCLUSIVE if "inconclusive" in verdicts else PASS
