"""`sweep`: accuracy, delay and cost over chunk, mirror and rate."""

import sys

import click

from workbench.cli._shared.group import FAIL, INCONCLUSIVE, PASS, main
from workbench.cli._shared.notes import note
from workbench.cli._shared.numbers import NumberList
from workbench.cli._shared.options import (
    RunOptions,
    VariantOptions,
    jobs_option,
    opened_workers,
    run_options,
    scheduler_option,
    variant_options,
)
from workbench.cli._shared.output import print_archived, print_json
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import recipe_argument
from workbench.cli._shared.waiting import Waiting
from workbench.workflows.folders import baseline_store, program_store


@main.command()
@recipe_argument
@variant_options
@click.option(
    "--chunk",
    "chunks",
    type=NumberList("whole numbers of samples", 1, 1_920_000, "240,480,960"),
    metavar="N,...",
    help="Samples per call, at each rate.  [default: the recipe's]",
)
@click.option(
    "--mirror",
    "mirrors",
    type=NumberList("numbers", 0.0, 1.0, "0,0.5,1"),
    metavar="X,...",
    help="Shares of the window's future half that are padded.  [default: the recipe's]",
)
@click.option(
    "--rate",
    "rates_hz",
    type=NumberList("whole numbers of hertz", 8000, 192_000, "16000,48000"),
    metavar="HZ,...",
    help="Sample rates.  [default: the recipe's]",
)
@jobs_option
@scheduler_option
@run_options("Folder for the sweep; an existing sweep is resumed.  [default: a dated folder below outputs/]")
def sweep(
    recipe: str,
    chosen: VariantOptions,
    chunks: tuple[int, ...] | None,
    mirrors: tuple[float, ...] | None,
    rates_hz: tuple[int, ...] | None,
    jobs: int,
    scheduler: str | None,
    options: RunOptions,
) -> None:
    """Measure a recipe at each combination of chunk, mirror and rate.

    Writes sweep.json, sweep.png and a folder for each point. Each point is built, scored and timed. It compares the
    recipe's program with upstream in eager PyTorch: accuracy against the known f0, deviation, the delay measured on
    pitch steps of a tone, and cost. An invalid combination is listed with the reason. The same command with the same
    --out measures only the missing points. --jobs and --scheduler build and score points at the same time, as in `run`.

    A recipe with the backend onnx, openvino, coreml or arm needs the extra of this name: pip install
    'pesto-workbench[onnx]'.

    Exit codes: 0 everything was measured (the recipe's gates are not part of it); 1 a program could not be built, or
    the recipe's protocol is unfair; 2 error, or every combination is invalid; 3 this machine cannot run a program.

    \b
    Example:
      workbench sweep float-xnnpack --chunk 240,480,960,1920 --mirror 0,0.5,1 --rate 16000,48000
      workbench sweep int8-mixed --chunk 480,960 --audio take.wav --out outputs/chunks --json
      workbench sweep float-xnnpack --rate 16000,44100,48000 --jobs 2
    """
    catalog = options.catalog
    base = chosen.load_one(recipe, catalog)
    with progress_shown() as progress:
        progress.report("import", 0, 1)
        from workbench.workflows.store_results import store_sweep
        from workbench.workflows.sweep import collect, load_clips, measure_points, plan

        progress.report("import", 1, 1)
        grid = (
            chunks or (base.chunk_samples,),
            mirrors or (base.mirror,),
            rates_hz or (base.sample_rate_hz,),
        )
        planned = plan(base, *grid, progress)
        planned = load_clips(planned, catalog, options.audio, progress)
    workers = opened_workers(jobs, scheduler)
    folder = options.folder(f"sweep-{base.name}")
    waiting = Waiting([point.variant for point in planned if point.variant], folder)
    points = []
    stores = program_store(), baseline_store()
    for outcome in measure_points(planned, folder, progress_shown, options.fresh, *stores, workers):
        points.append(outcome.point)
        if outcome.reused:
            note(f"{outcome.point.setting.suffix}: unchanged: reused")
        if outcome.point.status != "refused":
            waiting.done(measured=not outcome.reused)
    result = collect(base, planned, points)
    print_archived(store_sweep(result, folder))
    if options.as_json:
        print_json(folder, result)
    else:
        from workbench.report.tables.sweep import print_sweep

        print_sweep(result, folder)
    statuses = {point.status for point in points}
    if "failed" in statuses or not result.protocol.fair:
        sys.exit(FAIL)
    sys.exit(INCONCLUSIVE if "inconclusive" in statuses else PASS)
