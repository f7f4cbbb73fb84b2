"""`soak`: hours of audio through a program, without a reset."""

import sys
from pathlib import Path

import click

from workbench.cli._shared.group import VERDICTS, main
from workbench.cli._shared.numbers import FiniteFloatRange
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


@main.command()
@recipe_argument
@variant_option
@click.option("--hours", type=FiniteFloatRange(0.001, 100), default=1.0, show_default=True, help="Of audio.")
@audio_option
@out_option("Folder of the program and of soak.json.")
@json_option
@fresh_option
@calib_audio_option
def soak(
    recipe: Path,
    variant: str | None,
    hours: float,
    audio: Path | None,
    out: Path | None,
    as_json: bool,
    fresh: bool,
    calib_audio: Path | None,
) -> None:
    """Stream hours of audio through a recipe's program and through upstream, without a reset.

    The clips go round and round. In twelve parts: deviation, the time of a call, and the memory of the process.

    It fails where a part misses a gate of the recipe on deviation.pitch or deviation.confidence.max (no other is
    asked), has a frame that is not finite, or takes longer for a call than its audio lasts; where the program crashes
    or hangs on the way; and where the process grows by more than 2% after the first part. Else it is inconclusive for
    too few voiced frames, for no gate on the pitch or one without a number, and where the last part's calls take more
    than 1.5 times as long as the first's.

    Exit codes: 0 it passes; 1 it fails; 2 a mistake, or the program ends in the first part; 3 inconclusive.

    \b
    Example:
      workbench soak recipes/float-xnnpack.yaml --hours 1
    """
    corpus = corpus_of(calib_audio)
    (job,) = jobs_of([variant_of(recipe, variant, corpus)])
    from workbench.records.soak import SOAK_NAME
    from workbench.report.tables.soak import print_soak
    from workbench.workflows.soak import check
    from workbench.workflows.soak import soak as soak_variant
    from workbench.workflows.variant.prepare import load_clips

    check(job.recipe)
    with progress_shown() as progress:
        load_clips([job], corpus, audio, progress)
        folder = out or new_folder(f"soak-{job.recipe.name}")
        record = soak_variant(job, folder, hours, progress, fresh, STORE)
    store(record, folder / SOAK_NAME)
    if as_json:
        print_json(folder, record)
    else:
        print_soak(record, folder)
    sys.exit(VERDICTS[record.verdict])
