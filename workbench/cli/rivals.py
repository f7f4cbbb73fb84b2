"""`rivals`: other pitch trackers and PESTO on the same clips."""

import sys
from pathlib import Path

import click

from workbench.cli._shared.group import FAIL, PASS, main
from workbench.cli._shared.notes import note, quiet_option
from workbench.cli._shared.options import (
    VariantOptions,
    calib_audio_option,
    channel_option,
    json_option,
    out_option,
    output_folder,
)
from workbench.cli._shared.output import print_archived, print_json
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import RecipeReference
from workbench.workflows.folders import open_catalog, program_store
from workbench.workflows.input_files import check_audio, check_programs

_DEFAULT_PESTO, _REFERENCE_RECIPE = ("int8-mixed", "int8-small", "student-int8"), "float-upstream"


@main.command()
@click.argument("audio", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--pesto",
    multiple=True,
    type=RecipeReference(),
    metavar="RECIPE|PROGRAM",
    help="PESTO to compare, besides eager and upstream's graph in ONNX Runtime. Repeatable.  [default: int8-mixed, "
    "int8-small and student-int8]",
)
@click.option(
    "--rival",
    "rival_names",
    multiple=True,
    metavar="NAME",
    help="Only this tracker. Repeatable.  [default: all of them]",
)
@click.option(
    "--speed/--no-speed",
    default=True,
    show_default=True,
    help="Measure the audio that a frame needs, and the time for 20 ms.",
)
@channel_option
@out_option("Folder for rivals.json, rivals.png and the programs.  [default: a dated folder below outputs/]")
@json_option
@calib_audio_option
@quiet_option
def rivals(
    audio: tuple[Path, ...],
    pesto: tuple[str, ...],
    rival_names: tuple[str, ...],
    speed: bool,
    channel: str | None,
    out: Path | None,
    as_json: bool,
    calib_audio: Path | None,
) -> None:
    """Compare PESTO with other pitch trackers on the same clips.

    AUDIO is files or folders of recordings, each with its known f0 beside it; by default the rendered clips. The
    trackers are swift-f0, torchcrepe-tiny, torchcrepe-full, penn, praat, pyin and yin. Their packages are the extra
    rivals: pip install 'pesto-workbench[rivals]'. A tracker that is not installed, fails or crashes is a line that says
    so. All clips take torchcrepe-full several minutes; penn downloads its weights.

    Every tracker is scored at the same moments, every 10 ms, by its own decision of what is voiced and at its best
    threshold. That threshold, and the constant delay of its frames, are fitted to the rendered clips for calibration,
    which are not scored. Consensus and resynthesis are scored apart from f0 that was written by hand or rendered.

    The audio that a frame needs is measured: the audio after a moment is replaced, and the frames that change are
    those that needed it. The time is for 20 ms of a stream, with one thread, in Python: all trackers have turns in
    alternating rounds, of which none begins after two minutes, and the ratio to PESTO eager has its range over them.

    Writes rivals.json and rivals.png after each tracker, and again after the rounds, so an interrupted command keeps
    the finished ones.

    Exit codes: 0 every tracker ran and was timed; 1 one of them was not; 2 usage error; 130 interrupted.

    \b
    Example:
      workbench rivals --out outputs/rivals
      workbench rivals takes/ --rival swift-f0 --rival praat --pesto int8-mixed
    """
    for path in audio:
        check_audio(path)
    catalog = open_catalog(calib_audio)
    from workbench.workflows.load_recipes import split_programs

    references, programs = split_programs(pesto or _DEFAULT_PESTO)
    recipes = VariantOptions().load(references, catalog) if references else []
    (reference,) = VariantOptions().load([_REFERENCE_RECIPE], catalog)
    check_programs(programs)
    with progress_shown() as progress:
        progress.report("import", 0, 1)
        from workbench.report.tables.rivals import print_rivals
        from workbench.workflows.rivals.comparison import prepare_comparison
        from workbench.workflows.rivals.pesto import build_pesto
        from workbench.workflows.rivals.run import run_rivals
        from workbench.workflows.store_results import rivals_writer

        progress.report("import", 1, 1)
        comparison = prepare_comparison(rival_names, catalog, audio, channel or "mix", progress)
        folder = output_folder(out, "rivals")
        built = build_pesto(recipes, programs, reference, catalog, folder, progress, program_store())
        record = run_rivals(
            comparison,
            built.contenders,
            built.not_run,
            progress,
            keep=rivals_writer(folder, print_archived),
            speed=speed,
        )
    if as_json:
        print_json(folder, record)
    else:
        print_rivals(record, folder)
    if as_json:
        absent = [f"{each.name} did not run" for each in record.not_run]
        for line in (*absent, *(f"{name} was not timed" for name in record.not_timed)):
            note(line)
    sys.exit(FAIL if record.not_run or record.not_timed else PASS)
