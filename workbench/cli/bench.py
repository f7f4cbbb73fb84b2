"""`bench`: several ways to run one stream, timed side by side."""

import sys
from pathlib import Path

import click

from workbench.cli._shared.group import FAIL, PASS, main
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
    shipped_recipe,
    variants_of,
)
from workbench.cli._shared.output import print_json, store
from workbench.cli._shared.progress import progress_shown
from workbench.export.program_file import PROGRAM_SUFFIXES

_DEFAULT, _FIRST = ("float-xnnpack.yaml", "int8-mixed.yaml"), "float-upstream.yaml"
_WARMUP_CHUNKS = 50


@main.command()
@click.argument("contenders", nargs=-1, metavar="[RECIPE|PROGRAM]...", type=click.Path(path_type=Path))
@click.option(
    "--threads",
    type=NumberList("whole numbers of threads", 1, 64, "1,2"),
    metavar="N,...",
    default="1",
    show_default=True,
    help="Of every contender; several are timed one after the other.",
)
@click.option("--rounds", type=click.IntRange(3, 10_000), default=30, show_default=True, help="Turns of each.")
@click.option("--chunks-per-round", type=click.IntRange(5, 10_000), default=25, show_default=True, help="Calls a turn.")
@audio_option
@out_option("Folder of the programs and of bench.json.")
@json_option
@fresh_option
@calib_audio_option
def bench(
    contenders: tuple[Path, ...],
    threads: tuple[int, ...],
    rounds: int,
    chunks_per_round: int,
    audio: Path | None,
    out: Path | None,
    as_json: bool,
    fresh: bool,
    calib_audio: Path | None,
) -> None:
    """Time recipes and programs beside upstream in eager PyTorch, in one run.

    Always there: upstream eager, upstream's own TorchScript export, the program of the first experiments
    (recipes/float-upstream.yaml), and, with the extra `onnx`, ONNX Runtime on the graph of every float program. All
    are of one stream: the rate, chunk and mirror of what is named.

    Each is first held against eager's pitch. Then all take turns in shuffled rounds, in one process, and the ratio to
    eager is taken within each round: one whose spread over rounds crosses 1, or is wider than a factor of 2, is
    inconclusive. Last, calls come at the chunk's period while another process works. Leaves bench.json and bench.png.

    Exit codes: 0 timed, whatever came out; 1 something that was named could not be made or does not run; 2 a mistake.

    \b
    Example:
      workbench bench --threads 1,2
      workbench bench recipes/int8-mixed.yaml build/mine/program.pte --rounds 50 --out outputs/bench
    """
    corpus = corpus_of(calib_audio)
    paths = contenders or tuple(shipped_recipe(name) for name in _DEFAULT)
    programs = [path for path in paths if path.suffix in PROGRAM_SUFFIXES]
    recipes = variants_of([path for path in paths if path.suffix not in PROGRAM_SUFFIXES], corpus)
    (first,) = variants_of([shipped_recipe(_FIRST)], corpus)
    from workbench.runtime.isolation import silence_library_warnings

    silence_library_warnings()
    with progress_shown() as progress:
        progress.report("import", 0, 1)
        from workbench.measure.speed import TimingPlan
        from workbench.records.bench import BENCH_NAME, PICTURE_NAME
        from workbench.report.plots.bench import bench_png
        from workbench.report.tables.bench import print_bench
        from workbench.storage.atomic import write_atomic
        from workbench.workflows.bench import build_contenders, run
        from workbench.workflows.contenders import REFERENCE_EXPORT, collect_contenders
        from workbench.workflows.variant.prepare import load_clips

        progress.report("import", 1, 1)
        entered = collect_contenders(recipes, programs, first, progress)
        load_clips(list(entered.jobs.values()), corpus, audio, progress)
        folder = out or new_folder("bench")
        ready = build_contenders(entered, folder, progress, fresh, STORE)
        plans = [TimingPlan(count, rounds, chunks_per_round, _WARMUP_CHUNKS) for count in threads]
        job = entered.jobs[REFERENCE_EXPORT]
        record = run(ready, job.score, job.recipe.scoring.voiced_confidence, plans, progress)
    store(record, folder / BENCH_NAME)
    write_atomic(folder / PICTURE_NAME, bench_png(record))
    if as_json:
        print_json(folder, record)
    else:
        print_bench(record, folder)
    absent = {one.name for each in record.runs for one in each.not_run}
    sys.exit(FAIL if absent & {*entered.jobs, *entered.programs} else PASS)
