"""`annotate`: a known f0 for recordings that have none."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import ERROR, error_lines, main
from workbench.cli._shared.notes import quiet_option
from workbench.cli._shared.options import channel_option, json_option, out_option, overwrite_option
from workbench.cli._shared.output import print_object
from workbench.cli._shared.progress import progress_shown
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.audio.annotations.columns import PitchUnit, TimeUnit
    from workbench.workflows.annotate.annotate import Annotated, Method


@main.command()
@click.argument("audio", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--method",
    type=click.Choice(("consensus", "resynthesis")),
    help="How the f0 is found.  [default: consensus]",
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Convert an annotation instead: columns, JAMS, PitchTier, Sonic Visualiser.",
)
@click.option("--time-unit", type=click.Choice(("s", "ms", "samples")), help="With --from: the unit of the times.")
@click.option(
    "--pitch-unit",
    type=click.Choice(("hz", "khz", "midi", "cents", "midi_cents")),
    help="With --from: the unit of the pitches.",
)
@channel_option
@out_option("Folder for the files.  [default: beside each recording]")
@overwrite_option
@json_option
@quiet_option
def annotate(
    audio: tuple[Path, ...],
    method: "Method | None",
    source: Path | None,
    time_unit: "TimeUnit | None",
    pitch_unit: "PitchUnit | None",
    channel: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a known f0 for recordings: files, or all of a folder.

    consensus writes take.csv for take.wav. A frame has a pitch where at least three of swift-f0, Praat, pYIN and CREPE
    agree within 50 cents. It is unvoiced where three find no pitch. Elsewhere the f0 is unknown, and not scored.

    resynthesis writes take-resynthesis.wav and take-resynthesis.csv: the vocoder WORLD sings the recording again, with
    its timbre and with an f0 that is exact.

    Results say which kind of truth a figure stands on. Needs the extra annotate: pip install
    'pesto-workbench[annotate]'. --from needs no extra.

    \b
    Example:
      workbench annotate take.wav
      workbench annotate takes/ --method resynthesis --out truth/
      workbench annotate take.wav --from notes/take.txt --pitch-unit midi
    """
    if source is not None:
        if len(audio) != 1 or audio[0].is_dir() or method is not None:
            raise click.UsageError("--from converts the annotation of one recording, without --method.")
    elif time_unit or pitch_unit:
        raise click.UsageError("--time-unit and --pitch-unit require --from.")
    from workbench.workflows.annotate.annotate import Annotator, convert, recordings

    if source is not None:
        from workbench.audio.annotations import StatedUnits

        stated = StatedUnits(time_unit, pitch_unit)
        _print(convert(audio[0], source, stated, out, overwrite), as_json)
        return
    files, failures = recordings(audio), 0
    with progress_shown() as progress:
        annotator = Annotator(method or "consensus", out, channel or "mix", overwrite, progress)
        for file in files:
            try:
                _print(annotator.annotate(file), as_json)
            except WorkbenchError as error:
                failures += 1
                for line in error_lines(error):
                    click.echo(f"error: {line}", err=True)
    if failures:
        sys.exit(ERROR)


def _print(annotated: "Annotated", as_json: bool) -> None:
    counts = annotated.counts
    if as_json:
        print_object(
            audio=str(annotated.audio),
            file=str(annotated.file),
            truth=annotated.track.kind,
            method=annotated.method,
            **{f"{name}_frames": count for name, count in counts.items()},
        )
        return
    frames = ", ".join(f"{count} {name}" for name, count in counts.items())
    click.echo(f"{annotated.file}: {annotated.method}, {sum(counts.values())} frames: {frames}")
