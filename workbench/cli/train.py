"""`train`: a small network that imitates a checkpoint's."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.notes import quiet_option
from workbench.cli._shared.options import (
    VariantOptions,
    calib_audio_option,
    json_option,
    out_option,
    output_folder,
    prepare_variants,
    variant_options,
)
from workbench.cli._shared.output import print_archived, print_json
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import recipe_argument
from workbench.workflows.folders import open_catalog


@main.command()
@recipe_argument
@variant_options
@out_option("Folder for the student; an interrupted training goes on.  [default: a dated folder below outputs/]")
@json_option
@click.option("--restart", is_flag=True, help="Start with the first epoch. The teacher's frames in the cache are used.")
@calib_audio_option
@quiet_option
def train(
    recipe: str, chosen: VariantOptions, out: Path | None, as_json: bool, restart: bool, calib_audio: Path | None
) -> None:
    """Train a student: a small network that imitates the network of the recipe's checkpoint.

    The section `student` of the recipe has its layers, the data and the epochs. The student learns from random
    synthetic clips, which are rendered, and from what the checkpoint returns for them. Both are kept in the cache. The
    clips of audio.calibrate test it after each epoch, or train it too. Clips of audio.score are never used.

    Writes student.safetensors, which recipes name as their checkpoint, training.json, and training.pt, the state after
    the last epoch. The same command with the same --out goes on after an interruption and ends with the same weights.

    \b
    Example:
      workbench train training/student --out outputs/student
      workbench train training/student --set student.seed=1 --out outputs/student-1
    """
    catalog = open_catalog(calib_audio)
    (prepared,) = prepare_variants([chosen.load_one(recipe, catalog)])
    from workbench.report.training.table import print_training
    from workbench.workflows.store_results import store_training
    from workbench.workflows.training.run import check
    from workbench.workflows.training.run import train as train_student
    from workbench.workflows.variant.prepare import load_clips

    check(prepared.recipe)
    folder = output_folder(out, f"train-{prepared.recipe.name}")
    with progress_shown() as progress:
        (prepared,) = load_clips([prepared], catalog, None, progress)
        result = train_student(prepared, folder, progress, restart)
    print_archived(store_training(result, folder))
    if as_json:
        print_json(folder, result)
    else:
        print_training(result, folder)
