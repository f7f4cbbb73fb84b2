"""`track`: the pitch of an audio file."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.notes import note, quiet_option
from workbench.cli._shared.numbers import FiniteFloatRange
from workbench.cli._shared.options import channel_option, json_option, out_option
from workbench.cli._shared.output import print_object
from workbench.errors import WorkbenchError


@main.command()
@click.argument("audio", type=click.Path(path_type=Path))
@click.option("--program", required=True, type=click.Path(path_type=Path), metavar="FILE", help="Program to run.")
@out_option("Output file (.csv, .json or .png).  [default: stdout, as CSV or JSON]", "FILE")
@click.option(
    "--confidence-threshold",
    type=FiniteFloatRange(0, 1),
    help="Frames below it are unvoiced: 0 Hz, not drawn. 0 shows all.  [default: the program's, or 0.12]",
)
@click.option(
    "--threshold",
    type=FiniteFloatRange(0, 1),
    help="PNG only: lowest confidence at which pitch is drawn.  [default: the confidence threshold]",
)
@channel_option
@json_option
@quiet_option
def track(
    audio: Path,
    program: Path,
    out: Path | None,
    confidence_threshold: float | None,
    threshold: float | None,
    channel: str | None,
    as_json: bool,
) -> None:
    """Estimate the pitch of an audio file with a program.

    Writes the columns time_ms, frequency_hz and confidence, with a row for each frame. In silence PESTO still returns a
    pitch, so a frame below the confidence threshold has 0 Hz. The default, 0.12, is just above the confidence of
    silence; quiet singing can be below it. A program built with `postprocess: {confidence_threshold: ...}` has its own
    threshold in its metadata.

    An .onnx program needs the extra onnx: pip install 'pesto-workbench[onnx]'.

    \b
    Example:
      workbench track take.wav --program program.pte --out take-pitch.csv
      workbench track take.wav --program program.pte --confidence-threshold 0.3 --out take.png
      workbench track take.wav --program program.pte --confidence-threshold 0
      workbench track interview.m4a --program program.pte --channel left
    """
    from workbench.workflows.track import FORMATS, check_out, encode, write_track
    from workbench.workflows.track import track as track_file

    if out is not None and out.suffix.lower() not in FORMATS:
        raise click.BadParameter(f"{out}: unknown format; use a name that ends in {', '.join(FORMATS)}")
    if threshold is not None and (out is None or out.suffix.lower() != ".png"):
        raise WorkbenchError(
            "--threshold applies to a .png, but --out is no .png; use --confidence-threshold to filter frames"
        )
    recording = None if out is None else check_out(out, audio)
    tracked = track_file(audio, program, confidence_threshold, channel or "mix")
    frames = f"{len(tracked.time_s)} frames"
    if tracked.hidden_frames and confidence_threshold is None:
        frames += f", {tracked.hidden_frames} of them below a confidence of {tracked.confidence_threshold:g} and so "
        frames += "without pitch; --confidence-threshold 0 shows all"
    if out is None:
        click.echo(encode(tracked, ".json" if as_json else ".csv").decode(), nl=False)
        note(frames)
    else:
        write_track(tracked, out, threshold)
        if as_json:
            print_object(file=str(out), frames=len(tracked.time_s))
        else:
            note(f"{out}: {frames}")
        if recording is not None:
            note(f"{out}: a run of {recording} would read this file as its known f0; move it first")
