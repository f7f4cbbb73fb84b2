"""`sweep`: what chunk, mirror and rate do to accuracy, delay and cost."""

import sys
from pathlib import Path

import click

from workbench.cli._shared.group import FAIL, INCONCLUSIVE, PASS, main
from workbench.cli._shared.numbers import NumberList
from workbench.cli._shared.options import (
    STORE,
    audio_option,
    calib_audio_option,
    corpus_of,
    fresh_option,
    json_option,
    new_folder,
    out_option,
    recipe_argument,
    variant_of,
    variant_option,
)
from workbench.cli._shared.output import print_json, store
from workbench.cli._shared.progress import progress_shown


@main.command()
@recipe_argument
@variant_option
@click.option(
    "--chunk",
    "chunks",
    type=NumberList("whole numbers of samples", 1, 1_920_000, "240,480,960"),
    metavar="N,...",
    help="Samples of one call, at each rate.  [default: the recipe's]",
)
@click.option(
    "--mirror",
    "mirrors",
    type=NumberList("numbers", 0.0, 1.0, "0,0.5,1"),
    metavar="X,...",
    help="Latency choices.  [default: the recipe's]",
)
@click.option(
    "--rate",
    "rates_hz",
    type=NumberList("whole numbers of hertz", 8000, 192_000, "16000,48000"),
    metavar="HZ,...",
    help="Sample rates.  [default: the recipe's]",
)
@audio_option
@out_option("Folder of the sweep; completed if there.")
@json_option
@fresh_option
@calib_audio_option
def sweep(
    recipe: Path,
    variant: str | None,
    chunks: tuple[int, ...] | None,
    mirrors: tuple[float, ...] | None,
    rates_hz: tuple[int, ...] | None,
    audio: Path | None,
    out: Path | None,
    as_json: bool,
    fresh: bool,
    calib_audio: Path | None,
) -> None:
    """Build, score and time a recipe at every combination of chunk, mirror and rate.

    Each point has upstream in eager PyTorch beside the recipe's program: accuracy against the known f0, deviation, the
    delay measured on steps of a tone, and cost. A combination that cannot be is shown with the reason. Leaves
    sweep.json, sweep.png and a folder for each point; with --out the same command again does only what is missing.

    Exit codes: 0 measured, whatever the recipe's gates say of single points; 1 a program could not be made, or the
    recipe's protocol is unfair; 2 a mistake, or every combination is refused; 3 a program cannot run on this machine.

    \b
    Example:
      workbench sweep recipes/float-xnnpack.yaml --chunk 240,480,960,1920 --mirror 0,0.5,1 --rate 16000,48000
      workbench sweep recipes/int8-mixed.yaml --chunk 480,960 --audio take.wav --out outputs/chunks --json
    """
    corpus = corpus_of(calib_audio)
    chosen = variant_of(recipe, variant, corpus)
    from workbench.runtime.isolation import silence_library_warnings

    silence_library_warnings()
    with progress_shown() as progress:
        progress.report("import", 0, 1)
        from workbench.records.sweep import SWEEP_NAME
        from workbench.workflows.sweep import collect, measure, plan, write_picture
        from workbench.workflows.variant.prepare import load_clips

        progress.report("import", 1, 1)
        grid = (
            chunks or (chosen.chunk_samples,),
            mirrors or (chosen.mirror,),
            rates_hz or (chosen.sample_rate_hz,),
        )
        planned = plan(chosen, *grid, progress)
        load_clips([point.job for point in planned if point.job], corpus, audio, progress)
    folder = out or new_folder(f"sweep-{chosen.name}")
    points = []
    for at, point in enumerate(planned):
        title = f"{point.setting.suffix} ({at + 1} of {len(planned)})"
        with progress_shown(title) as progress:
            done, reused = measure(point, folder, progress, fresh, STORE)
        points.append(done)
        if reused:
            click.echo(f"{title}: nothing it depends on changed; used again", err=True)
    result = collect(chosen, planned, points)
    store(result, folder / SWEEP_NAME)
    write_picture(result, folder)
    if as_json:
        print_json(folder, result)
    else:
        from workbench.report.tables.sweep import print_sweep

        print_sweep(result, folder)
    failed = any(point.status == "failed" for point in points) or not result.protocol.fair
    undecided = any(point.status == "inconclusive" for point in points)
    sys.exit(FAIL if failed else INCONCLUSIVE if undecided else PASS)
