"""`soak`: hours of audio through a program, without a reset."""

import json
import sys
from pathlib import Path

import click

from workbench.cli.group import VERDICTS, main
from workbench.cli.inputs import (
    STORE,
    audio_option,
    calib_audio_option,
    corpus_of,
    fresh_option,
    jobs_of,
    json_option,
    new_folder,
    one_variant_of,
)
from workbench.cli.progress import progress_shown


@main.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--hours", type=click.FloatRange(0.001, 100), default=1.0, show_default=True, help="Of audio.")
@audio_option
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the program and of soak.json.")
@json_option
@fresh_option
@calib_audio_option
def soak(
    recipe: Path,
    hours: float,
    audio: Path | None,
    out: Path | None,
    as_json: bool,
    fresh: bool,
    calib_audio: Path | None,
) -> None:
    """Stream hours of audio through a recipe's program and through upstream, without a reset.

    The clips go round and round. In twelve parts: deviation, the time of a call, and the memory of the process. It
    passes where every part is within the recipe's gates on pitch and the process does not grow.

    \b
    Example:
      workbench soak recipes/float-xnnpack.yaml --hours 1
    """
    corpus = corpus_of(calib_audio)
    jobs = jobs_of([one_variant_of(recipe, corpus)])
    from workbench.audit.soak import print_soak, write_soak
    from workbench.job import listen
    from workbench.soak import check
    from workbench.soak import soak as soak_variant

    check(jobs[0].recipe)
    with progress_shown() as progress:
        listen(jobs, corpus, audio, progress)
        folder = out or new_folder(f"soak-{jobs[0].recipe.name}")
        record = soak_variant(jobs[0], folder, hours, progress, fresh, STORE)
    write_soak(record, folder)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), **record.model_dump(mode="json")}, allow_nan=False))
    else:
        print_soak(record, folder)
    sys.exit(VERDICTS[record.verdict])
