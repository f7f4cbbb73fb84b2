"""`track`: a program on an audio file."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.numbers import FiniteFloatRange
from workbench.cli._shared.options import out_option
from workbench.errors import WorkbenchError


@main.command()
@click.argument("audio", type=click.Path(path_type=Path))
@click.option("--program", required=True, type=click.Path(path_type=Path), metavar="FILE", help="What to run.")
@out_option("A .csv, .json or .png; CSV is printed else.", "FILE")
@click.option(
    "--confidence-threshold",
    type=FiniteFloatRange(0, 1),
    help="Frames below it are unvoiced: 0 Hz, not drawn.  [default: the program's own, if its recipe set one]",
)
@click.option(
    "--threshold",
    type=FiniteFloatRange(0, 1),
    help="Of a .png alone: where pitch is drawn.  [default: the confidence threshold, else 0.5]",
)
def track(
    audio: Path, program: Path, out: Path | None, confidence_threshold: float | None, threshold: float | None
) -> None:
    """Run an exported program on an audio file: time in milliseconds, hertz, confidence.

    A program built with `postprocess: {confidence_threshold: ...}` tells its threshold. Without one no frame is
    filtered.

    \b
    Example:
      workbench track take.wav --program program.pte --out take-pitch.csv
      workbench track take.wav --program program.pte --confidence-threshold 0.3 --out take.png
    """
    from workbench.runtime.isolation import silence_library_warnings
    from workbench.storage.atomic import write_atomic

    silence_library_warnings()
    from workbench.workflows.track import FORMATS, check_out, encode
    from workbench.workflows.track import track as track_file

    if out is not None and out.suffix.lower() not in FORMATS:
        raise click.BadParameter(f"{out}: cannot write that; use a name that ends in {', '.join(FORMATS)}")
    if threshold is not None and (out is None or out.suffix.lower() != ".png"):
        raise WorkbenchError(
            "--threshold is where a .png draws pitch, and none is asked for; --confidence-threshold filters frames"
        )
    if out is not None:
        check_out(out, audio)
    answer = track_file(audio, program, confidence_threshold)
    content = encode(answer, out.suffix.lower() if out else ".csv", threshold)
    if out:
        write_atomic(out, content)
        click.echo(f"{out}: {len(answer.time_s)} frames", err=True)
    else:
        click.echo(content.decode(), nl=False)
