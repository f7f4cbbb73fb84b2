"""`profile`: where the time of a program goes."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import (
    STORE,
    audio_option,
    calib_audio_option,
    corpus_of,
    fresh_option,
    jobs_of,
    json_option,
    new_folder,
    out_option,
    recipe_argument,
    variant_of,
    variant_option,
)
from workbench.cli._shared.output import print_json, store
from workbench.cli._shared.progress import progress_shown

_CALLS_PER_ROUND, _WARMUP_CALLS = 10, 50


@main.command()
@recipe_argument
@variant_option
@click.option(
    "--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Of everything that is timed."
)
@click.option("--rounds", type=click.IntRange(3, 10_000), default=200, show_default=True, help="Turns of each.")
@audio_option
@out_option("Folder of the program and profile.json.")
@json_option
@fresh_option
@calib_audio_option
def profile(
    recipe: Path,
    variant: str | None,
    threads: int,
    rounds: int,
    audio: Path | None,
    out: Path | None,
    as_json: bool,
    fresh: bool,
    calib_audio: Path | None,
) -> None:
    """Time the parts of a recipe's program, beside the bound that the machine's own peak implies.

    The runtime records no events, so each part is lowered and timed alone, in a chain that does what the program does,
    and their sum is held against the program. A bound is the larger of multiply-adds by the peak of the same kernels
    and bytes of weights by the rate at which they are read, both measured in the same run. A part far above its bound
    is worth a better kernel or form; one at its bound wants fewer multiply-adds or bytes. Leaves profile.json and
    profile.png. Where the runtime has an event tracer, what it recorded of the program stands beside the parts; no such
    runtime was there to try this with.

    \b
    Example:
      workbench profile recipes/float-xnnpack.yaml
      workbench profile recipes/int8-mixed.yaml --threads 2 --out outputs/profile --json
    """
    corpus = corpus_of(calib_audio)
    (job,) = jobs_of([variant_of(recipe, variant, corpus)])
    from workbench.measure.speed import TimingPlan
    from workbench.records.profile import PICTURE_NAME, PROFILE_NAME
    from workbench.report.plots.profile import profile_png
    from workbench.report.tables.profile import print_profile
    from workbench.storage.atomic import write_atomic
    from workbench.workflows.profile import check
    from workbench.workflows.profile import profile as profile_program
    from workbench.workflows.variant.prepare import load_clips

    check(job)
    folder = out or new_folder(f"profile-{job.recipe.name}")
    with progress_shown() as progress:
        load_clips([job], corpus, audio, progress)
        plan = TimingPlan(threads, rounds, _CALLS_PER_ROUND, _WARMUP_CALLS)
        record = profile_program(job, folder, plan, progress, fresh, STORE)
    store(record, folder / PROFILE_NAME)
    write_atomic(folder / PICTURE_NAME, profile_png(record))
    if as_json:
        print_json(folder, record)
    else:
        print_profile(record, folder)
