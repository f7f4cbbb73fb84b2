"""`profile`: the time of each layer and operator of a program."""

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import (
    RunOptions,
    VariantOptions,
    prepare_variants,
    run_options,
    variant_options,
)
from workbench.cli._shared.output import print_archived, print_json
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import recipe_argument
from workbench.workflows.folders import program_store


@main.command()
@recipe_argument
@variant_options
@click.option(
    "--threads", metavar="N", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads per program."
)
@click.option(
    "--rounds", metavar="N", type=click.IntRange(3, 10_000), default=200, show_default=True, help="Timing rounds."
)
@run_options("Folder for the program, profile.json and profile.png.  [default: a dated folder below outputs/]")
def profile(
    recipe: str,
    chosen: VariantOptions,
    threads: int,
    rounds: int,
    options: RunOptions,
) -> None:
    """Show the time of each layer and operator of a program, and its roofline bound.

    Writes the program of the recipe, profile.json and profile.png. The native host (a small process in C++) runs the
    program, and a second one records every operator in nanoseconds; the two take turns. The operators, the time to
    prepare them and the rest of a call are added up, and the sum is compared with a call that records nothing. Each
    operator belongs to the layer of the model that it was exported from.

    The bound of a layer is the larger of two times: its multiply-adds at the peak rate of the same kernels, and its
    bytes of weights at the rate at which weights are read. Both rates are measured in the same run. A layer far above
    its bound needs a faster implementation or fewer operators. A layer at its bound needs fewer multiply-adds or bytes.

    It needs a C++ compiler, CMake, and Linux with glibc: elsewhere XNNPACK reports whole microseconds.

    \b
    Example:
      workbench profile float-xnnpack
      workbench profile int8-mixed --threads 2 --out outputs/profile --json
    """
    catalog = options.catalog
    (prepared,) = prepare_variants([chosen.load_one(recipe, catalog)])
    from workbench.report.tables.profile import print_profile
    from workbench.workflows.profile.run import check, timing_plan
    from workbench.workflows.profile.run import profile as profile_program
    from workbench.workflows.store_results import store_profile
    from workbench.workflows.variant.prepare import load_clips

    check(prepared)
    folder = options.folder(f"profile-{prepared.recipe.name}")
    with progress_shown() as progress:
        (prepared,) = load_clips([prepared], catalog, options.audio, progress)
        plan = timing_plan(threads, rounds)
        result = profile_program(prepared, folder, plan, progress, options.fresh, program_store())
    print_archived(store_profile(result, folder))
    if options.as_json:
        print_json(folder, result)
    else:
        print_profile(result, folder)
