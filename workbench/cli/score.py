"""`score`: frames that were recorded on another device."""

import sys
from pathlib import Path

import click

from workbench.cli._shared.group import VERDICTS, main
from workbench.cli._shared.notes import quiet_option
from workbench.cli._shared.options import (
    VariantOptions,
    audio_option,
    calib_audio_option,
    gates_option,
    jobs_option,
    json_option,
    opened_workers,
    out_option,
    output_folder,
    prepare_variants,
    scheduler_option,
    variant_options,
)
from workbench.cli._shared.output import print_archived, print_run
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import recipe_argument
from workbench.workflows.folders import baseline_store, open_catalog
from workbench.workflows.input_files import check_programs


@main.command()
@recipe_argument
@click.option(
    "--frames",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Frames of one clip (.csv, or .npz from a run) or a folder of them. Repeatable.",
)
@variant_options
@audio_option
@click.option(
    "--program",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The program that returned the frames, in the folder that `workbench build` wrote.",
)
@gates_option
@out_option("Folder for the run.  [default: a dated folder below outputs/]")
@jobs_option
@scheduler_option
@json_option
@calib_audio_option
@quiet_option
def score(
    recipe: str,
    frames: tuple[Path, ...],
    chosen: VariantOptions,
    audio: Path | None,
    program: Path | None,
    gates: Path | None,
    out: Path | None,
    jobs: int,
    scheduler: str | None,
    as_json: bool,
    calib_audio: Path | None,
) -> None:
    """Score frames that a program returned on another device.

    The device can be a phone. The frames are compared with those of upstream on the same clips. Writes result.json and
    the report of a run, without times. RECIPE is the recipe of the program. Clips without frames are left out.

    A .csv file has a header and one row per frame, in order, with the columns pitch_semitones, confidence and volume as
    the program returned them. It has the name of its clip (phrase-alto.csv), or a column `clip`. A column `call`
    numbers the call of each frame; it is needed if the calls return different numbers of frames. The input must be the
    whole clip at the recipe's rate, after a reset, with the last call padded with silence: `example/main.cpp` of a
    bundle does this and writes such a file.

    \b
    Example:
      workbench score float-xnnpack --frames phrase-alto.csv --frames phrase-tenor.csv
      workbench score findings/vulkan --frames from-the-phone/ --program build/vulkan/program.pte --jobs 2
    """
    catalog = open_catalog(calib_audio)
    selected = chosen.load_one(recipe, catalog, gates)
    if program is not None:
        check_programs([program])
    (prepared,) = prepare_variants([selected])
    from workbench.workflows.external.score import check, score_external_frames
    from workbench.workflows.variant.prepare import load_clips

    check(prepared.recipe)
    workers = opened_workers(jobs, scheduler)
    folder = output_folder(out, f"{prepared.recipe.name}-recorded")
    variant_folder = folder / prepared.recipe.name
    with progress_shown(prepared.recipe.name) as progress:
        (prepared,) = load_clips([prepared], catalog, audio, progress)
        outcome = score_external_frames(prepared, frames, variant_folder, progress, program, baseline_store(), workers)
    for archived in outcome.archived:
        print_archived(archived)
    print_run(folder, [(outcome.result, variant_folder)], catalog, as_json)
    sys.exit(VERDICTS[outcome.result.verdict])
