"""`soak`: hours of audio through a program without a reset."""

import sys

import click

from workbench.cli._shared.group import VERDICTS, main
from workbench.cli._shared.numbers import FiniteFloatRange
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
    "--hours", metavar="N", type=FiniteFloatRange(0.001, 100), default=1.0, show_default=True, help="Hours of audio."
)
@click.option("--native", is_flag=True, help="Run the program in the native host, as an app would, and not in Python.")
@run_options("Folder for the program, soak.json and soak.png.  [default: a dated folder below outputs/]")
def soak(
    recipe: str,
    chosen: VariantOptions,
    hours: float,
    native: bool,
    options: RunOptions,
) -> None:
    """Stream hours of audio through a program without a reset.

    Writes the program of the recipe, soak.json and soak.png. Upstream receives the same audio. Loops the clips and
    reports deviation, call time and process memory in twelve segments. With --native, the program runs in a separate
    process in C++, whose clock and memory are reported.

    The soak fails if a segment misses one of the recipe's gates on deviation.pitch or deviation.confidence.max (other
    gates are not evaluated), has a frame that is not finite, or has calls that take longer than their audio lasts; if
    the program crashes or hangs; or if the memory of the process grows by more than 2% after the first segment.
    Otherwise it is inconclusive if too few frames are voiced, if no gate on the pitch could be evaluated, if the calls
    of the last segment take more than 1.5 times as long as those of the first, or if the 99th percentile of the second
    half is more than 1.5 times that of the first.

    A recipe with the backend onnx, openvino, coreml or arm needs the extra of this name: pip install
    'pesto-workbench[onnx]'.

    Exit codes: 0 pass; 1 fail; 2 error, or the program ended in the first segment; 3 inconclusive.

    \b
    Example:
      workbench soak float-xnnpack --hours 1
      workbench soak int8-mixed --hours 1 --native
    """
    catalog = options.catalog
    (prepared,) = prepare_variants([chosen.load_one(recipe, catalog)])
    from workbench.report.tables.soak import print_soak
    from workbench.workflows.soak import check
    from workbench.workflows.soak import soak as soak_variant
    from workbench.workflows.store_results import store_soak
    from workbench.workflows.variant.prepare import load_clips

    check(prepared.recipe, native)
    with progress_shown() as progress:
        (prepared,) = load_clips([prepared], catalog, options.audio, progress)
        folder = options.folder(f"soak-{prepared.recipe.name}")
        result = soak_variant(prepared, folder, hours, progress, options.fresh, program_store(), native)
    print_archived(store_soak(result, folder))
    if options.as_json:
        print_json(folder, result)
    else:
        print_soak(result, folder)
    sys.exit(VERDICTS[result.verdict])
