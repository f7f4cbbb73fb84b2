"""`bench`: several programs of the same stream, timed together."""

import sys

import click

from workbench.cli._shared.group import FAIL, PASS, main
from workbench.cli._shared.numbers import NumberList
from workbench.cli._shared.options import RunOptions, VariantOptions, run_options, variant_options
from workbench.cli._shared.output import print_archived, print_json
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import RecipeReference
from workbench.workflows.folders import program_store
from workbench.workflows.input_files import check_programs

_DEFAULT_RECIPES, _REFERENCE_RECIPE = ("float-xnnpack", "int8-mixed"), "float-upstream"


@main.command()
@click.argument("contenders", nargs=-1, metavar="[RECIPE|PROGRAM]...", type=RecipeReference())
@variant_options
@click.option(
    "--threads",
    type=NumberList("whole numbers of threads", 1, 64, "1,2"),
    metavar="N,...",
    default="1",
    show_default=True,
    help="Threads per program; several values run in sequence.",
)
@click.option(
    "--rounds", metavar="N", type=click.IntRange(3, 10_000), default=30, show_default=True, help="Timing rounds."
)
@click.option(
    "--chunks-per-round", type=click.IntRange(5, 10_000), default=25, show_default=True, help="Calls per round."
)
@click.option(
    "--native/--no-native",
    default=True,
    show_default=True,
    help="Time .pte programs in the native host too, if one can be built.",
)
@click.option("--rivals", "with_rivals", is_flag=True, help="Compare the contenders with other pitch trackers too.")
@run_options("Folder for the programs, bench.json and bench.png.  [default: a dated folder below outputs/]")
def bench(
    contenders: tuple[str, ...],
    chosen: VariantOptions,
    threads: tuple[int, ...],
    rounds: int,
    chunks_per_round: int,
    native: bool,
    with_rivals: bool,
    options: RunOptions,
) -> None:
    """Time recipes and programs against upstream PESTO.

    Writes the programs, bench.json and bench.png. Every bench also times these contenders: `eager` is upstream in eager
    PyTorch, `torchscript` upstream's own TorchScript export, `first-experiments` the naive export of
    recipes/float-upstream.yaml, and `onnx` its graph in ONNX Runtime, if the extra `onnx` is installed; `onnx-NAME` is
    the graph of the float recipe NAME. All contenders have the same rate, chunk and mirror.

    First the pitch of each contender is compared with eager's. Then the contenders run in shuffled rounds, in one
    process, and the speedup over eager is computed within each round. It is inconclusive if its range over the rounds
    (10th to 90th percentile) includes 1 or is wider than a factor of 2. Last, the response time is measured with calls
    at the period of the chunk while another process loads the machine.

    Each .pte program has its turn a second time in every round, in the native host: a process in C++ without Python. A
    second table has these times in microseconds. If no host can be built, the program is timed without it, and a line
    says why.

    With --rivals, the contenders are then compared with other pitch trackers, as `workbench rivals` does: it adds a
    table, rivals.json and rivals.png. It needs the extra rivals, and --audio a known f0.

    Exit codes: 0 every RECIPE and PROGRAM and `first-experiments` were timed; 1 one of them could not be built or run;
    2 usage error.

    \b
    Example:
      workbench bench --threads 1,2
      workbench bench int8-mixed build/mine/program.pte --rounds 50 --out outputs/bench
      workbench bench --rivals
    """
    catalog = options.catalog
    from workbench.workflows.load_recipes import split_programs

    references, programs = split_programs(contenders or _DEFAULT_RECIPES)
    recipes = chosen.load(references, catalog)
    (first,) = VariantOptions().load([_REFERENCE_RECIPE], catalog)
    check_programs(programs)
    with progress_shown() as progress:
        progress.report("import", 0, 1)
        from workbench.report.tables.bench import print_bench
        from workbench.report.tables.rivals import print_rivals
        from workbench.workflows.bench.build import build_contenders
        from workbench.workflows.bench.contenders import collect_contenders
        from workbench.workflows.bench.run import run_bench, timing_plans
        from workbench.workflows.rivals.comparison import prepare_comparison
        from workbench.workflows.rivals.run import run_rivals
        from workbench.workflows.store_results import rivals_writer, store_bench

        progress.report("import", 1, 1)
        audio = [] if options.audio is None else [options.audio]
        comparison = prepare_comparison((), catalog, audio, chosen.channel or "mix", progress) if with_rivals else None
        setup = collect_contenders(recipes, programs, first, progress)
        setup = setup.with_clips(catalog, options.audio, progress)
        folder = options.folder("bench")
        built = build_contenders(setup, folder, progress, options.fresh, program_store())
        record = run_bench(setup, built, timing_plans(threads, rounds, chunks_per_round), progress, native)
        print_archived(store_bench(record, folder))
        rivals = None
        if comparison is not None:
            rivals = run_rivals(
                comparison,
                built.contenders,
                built.not_run,
                progress,
                keep=rivals_writer(folder, print_archived),
            )
    if options.as_json:
        for each in filter(None, (record, rivals)):
            print_json(folder, each)
    else:
        print_bench(record, folder)
        if rivals is not None:
            print_rivals(rivals, folder)
    missing = {contender.name for run_ in record.runs for contender in run_.not_run}
    sys.exit(FAIL if missing & setup.requested else PASS)
