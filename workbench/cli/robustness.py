"""`robustness`: the accuracy of a program with noise, at other levels, and in ranges of pitch."""

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
@click.option(
    "--gain",
    "gains_db",
    metavar="DB,...",
    type=NumberList("gains in dB", -80.0, 40.0, "-40,-20,6"),
    default="-40,-20,6",
    show_default=True,
    help="Gains in dB.",
)
@run_options("Folder for the program, robustness.json and robustness.png.  [default: a dated folder below outputs/]")
def robustness(
    recipe: str,
    chosen: VariantOptions,
    snrs_db: tuple[float, ...],
    gains_db: tuple[float, ...],
    options: RunOptions,
) -> None:
    """Measure the accuracy of a program in conditions that it will meet.

    Compares upstream and the program with the known f0, on the same chunks: of the scored clips as they are, with pink
    noise, and with a gain that clips at full scale; and of rendered clips of four ranges of pitch, which are low male
    and high female voices, whistling, and a bass. Names each condition in which the program's RPA50 is more than 1
    point below upstream's. With --audio, the conditions are those of your recordings, without the rendered ranges.

    Writes the program of the recipe, robustness.json and robustness.png. With --out the folder of a variant of a run,
    the report of the run has the figures too: write it again with `workbench report`.

    Most of the time is upstream's. Its frames are kept, so other recipes of the same stream take less.

    \b
    Example:
      workbench robustness float-xnnpack
      workbench robustness int8-mixed --snr 30,10 --gain -40,6 --audio my-takes/ --json
    """
    catalog = options.catalog
    (prepared,) = prepare_variants([chosen.load_one(recipe, catalog)])
    from workbench.report.tables.robustness import print_robustness
    from workbench.workflows.robustness import measure_robustness
    from workbench.workflows.store_results import store_robustness
    from workbench.workflows.variant.prepare import load_clips

    with progress_shown(prepared.recipe.name) as progress:
        (prepared,) = load_clips([prepared], catalog, options.audio, progress)
        folder = options.folder(f"robustness-{prepared.recipe.name}")
        result = measure_robustness(
            prepared,
            folder,
            snrs_db,
            gains_db,
            progress,
            ranges=options.audio is None,
            fresh=options.fresh,
            store=program_store(),
            baselines=baseline_store(),
        )
    print_archived(store_robustness(result, folder))
    if options.as_json:
        print_json(folder, result)
    else:
        print_robustness(result, folder)
