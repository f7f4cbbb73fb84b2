"""`sensitivity`: what each layer and scheme costs in cents and saves in bytes."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.notes import quiet_option
from workbench.cli._shared.options import (
    VariantOptions,
    calib_audio_option,
    fresh_option,
    json_option,
    out_option,
    output_folder,
    prepare_variants,
    variant_options,
)
from workbench.cli._shared.output import print_json
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import recipe_argument
from workbench.workflows.folders import open_catalog, program_store


@main.command()
@recipe_argument
@variant_options
@click.option(
    "--check",
    "checked",
    metavar="N",
    type=click.IntRange(0, 50),
    default=5,
    show_default=True,
    help="Check the largest effect of N layers or keys in programs.",
)
@out_option("Folder for the record; an interrupted one is resumed.  [default: a dated folder below outputs/]")
@json_option
@fresh_option
@calib_audio_option
@quiet_option
def sensitivity(
    recipe: str,
    chosen: VariantOptions,
    checked: int,
    out: Path | None,
    as_json: bool,
    fresh: bool,
    calib_audio: Path | None,
) -> None:
    """Show what each layer and each scheme costs in cents and saves in bytes.

    Writes sensitivity.json and sensitivity.png. Each layer gets each scheme that it can have while all others are
    float; the tolerance of the front end, the band of the prefilters and the block of the last layer get several
    values. Only the calibration clips are used, so the scoring clips stay unseen.

    The deviation is simulated in PyTorch, without a program. The largest effects, one of each layer or key, are then
    checked in programs, which are also timed in the native host. The same command with the same --out computes only
    what is missing.

    \b
    Example:
      workbench sensitivity int8-mixed
      workbench sensitivity int8-small --check 10 --out outputs/sensitivity --json
    """
    catalog = open_catalog(calib_audio)
    (prepared,) = prepare_variants([chosen.load_one(recipe, catalog)])
    from workbench.report.tables.search.sensitivity import print_sensitivity
    from workbench.workflows.sensitivity.run import check
    from workbench.workflows.sensitivity.run import sensitivity as measure
    from workbench.workflows.store_results import store_sensitivity
    from workbench.workflows.variant.prepare import load_clips

    check(prepared.recipe)
    folder = output_folder(out, f"sensitivity-{prepared.recipe.name}")
    with progress_shown() as progress:
        (prepared,) = load_clips([prepared], catalog, None, progress)
        result = measure(prepared, folder, checked, progress, fresh, program_store())
    store_sensitivity(result, folder)
    if as_json:
        print_json(folder, result)
    else:
        print_sensitivity(result, folder)
