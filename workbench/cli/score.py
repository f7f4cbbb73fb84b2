"""`score`: frames that were recorded elsewhere, on a phone say."""

import sys
from pathlib import Path

import click

from workbench.cli._shared.group import VERDICTS, main
from workbench.cli._shared.options import (
    audio_option,
    calib_audio_option,
    corpus_of,
    gates_option,
    jobs_of,
    json_option,
    new_folder,
    out_option,
    recipe_argument,
    variant_of,
    variant_option,
)
from workbench.cli._shared.progress import progress_shown
from workbench.cli.run import show, write_page


@main.command()
@recipe_argument
@click.option(
    "--frames",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Frames of a clip: a .csv or a run's .npz, or a folder of them. Again for more.",
)
@variant_option
@audio_option
@click.option(
    "--program", type=click.Path(path_type=Path), metavar="FILE.pte", help="What gave them, where `build` left it."
)
@gates_option
@out_option("Folder of the run.")
@json_option
@calib_audio_option
def score(
    recipe: Path,
    frames: tuple[Path, ...],
    variant: str | None,
    audio: Path | None,
    program: Path | None,
    gates: Path | None,
    out: Path | None,
    as_json: bool,
    calib_audio: Path | None,
) -> None:
    """Score frames that a program gave elsewhere, on a phone say, against upstream on the same clips here.

    RECIPE is what the program was built from. The record and the report are those of a run, but for the times. Clips
    without frames are left out.

    A .csv has a line of column names and a row a frame, in order: pitch_semitones, confidence, volume, as the program
    gave them. It is named after its clip (phrase-alto.csv), or has a column `clip`. A column `call` says which frames
    came from one call, where that varies. Feed the whole clip, at the recipe's rate, from a reset, the last call filled
    up with silence: `example/main.cpp` of a bundle does, and writes such a file.

    \b
    Example:
      workbench score recipes/float-xnnpack.yaml --frames phrase-alto.csv --frames phrase-tenor.csv
      workbench score recipes/findings/vulkan.yaml --frames from-the-phone/ --program build/vulkan/program.pte
    """
    corpus = corpus_of(calib_audio)
    (job,) = jobs_of([variant_of(recipe, variant, corpus, gates)])
    from workbench.workflows.score_external import check, score_external_frames
    from workbench.workflows.variant.prepare import load_clips

    check(job.recipe)
    folder = out or new_folder(f"{job.recipe.name}-recorded")
    place = folder / job.recipe.name
    with progress_shown(job.recipe.name) as progress:
        load_clips([job], corpus, audio, progress)
        record = score_external_frames(job, frames, place, progress, program)
    results = [(record, place)]
    show(results, write_page(folder, results, corpus), as_json)
    sys.exit(VERDICTS[record.verdict])
