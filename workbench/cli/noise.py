"""`noise`: the accuracy of a program on noisy audio."""

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.numbers import NumberList
from workbench.cli._shared.options import RunOptions, VariantOptions, prepare_variants, run_options, variant_options
from workbench.cli._shared.output import print_archived, print_json
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import recipe_argument
from workbench.workflows.folders import baseline_store, program_store


@main.command()
@recipe_argument
@variant_options
@click.option(
    "--snr",
    "snrs_db",
    metavar="DB,...",
    type=NumberList("ratios in dB", -40.0, 80.0, "20,10,0"),
    default="20,10,0",
    show_default=True,
    help="Signal-to-noise ratios in dB.",
)
@run_options("Folder for the program and noise.json.  [default: a dated folder below outputs/]")
def noise(recipe: str, chosen: VariantOptions, snrs_db: tuple[float, ...], options: RunOptions) -> None:
    """Measure the accuracy of a program on noisy audio.

    Adds pink noise to the scored clips whose f0 is known, and compares both sides with the known f0: without noise, and
    at each signal-to-noise ratio. Upstream and the program receive the same noisy chunks. The seed of the noise is the
    name of the clip. The voice keeps its level. Writes the program of the recipe and noise.json.

    With --out the folder of a variant of a run, the report of the run has the figures too: write it again with
    `workbench report`.

    Each ratio takes as long as scoring the clips once, which is mostly upstream's time.

    \b
    Example:
      workbench noise float-xnnpack
      workbench noise int8-mixed --snr 30,20,10,0 --audio my-takes/ --json
    """
    catalog = options.catalog
    (prepared,) = prepare_variants([chosen.load_one(recipe, catalog)])
    from workbench.report.tables.noise import print_noise
    from workbench.workflows.noise import measure_with_noise
    from workbench.workflows.store_results import store_noise
    from workbench.workflows.variant.prepare import load_clips

    with progress_shown(prepared.recipe.name) as progress:
        (prepared,) = load_clips([prepared], catalog, options.audio, progress)
        folder = options.folder(f"noise-{prepared.recipe.name}")
        result = measure_with_noise(
            prepared, folder, snrs_db, progress, options.fresh, program_store(), baseline_store()
        )
    print_archived(store_noise(result, folder))
    if options.as_json:
        print_json(folder, result)
    else:
        print_noise(result, folder)
