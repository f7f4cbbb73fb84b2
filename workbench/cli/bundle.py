"""`bundle`: a program with everything that an app needs to use it."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.numbers import FiniteFloatRange
from workbench.cli._shared.options import calib_audio_option, json_option, out_option, overwrite_option
from workbench.cli._shared.output import print_object
from workbench.workflows.folders import open_catalog


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@out_option("Folder or zip file of the bundle.  [default: bundle/ in RUN]", "DIR|FILE.zip")
@click.option(
    "--force", is_flag=True, help="Bundle a program that did not pass; its manifest and page show the verdict."
)
@overwrite_option
@click.option(
    "--seconds",
    type=FiniteFloatRange(0.5, 60),
    default=4.0,
    show_default=True,
    help="Length of the golden audio, an excerpt of a sung phrase.",
)
@json_option
@calib_audio_option
def bundle(
    run: Path,
    out: Path | None,
    force: bool,
    overwrite: bool,
    seconds: float,
    as_json: bool,
    calib_audio: Path | None,
) -> None:
    """Package a program for an app.

    Writes a folder or a zip file with the program, a manifest, golden audio with the expected frames, an example in
    C++, and verify.py. The bundle is verified before it is written. RUN is the folder of one variant in a run. A
    program that did not pass is refused unless --force is given.

    \b
    Example:
      workbench bundle outputs/20261122-120000-int8-mixed/int8-mixed --out pitch.zip
    """
    from workbench.bundle.write import one_variant, write_bundle

    variant = one_variant(run)
    path = out or variant.folder / "bundle"
    manifest = write_bundle(variant, path, open_catalog(calib_audio), seconds, force, overwrite)
    tolerance = manifest.golden.tolerance
    if as_json:
        print_object(
            bundle=str(path),
            name=manifest.name,
            verdict=manifest.scores.verdict,
            golden_frames=tolerance.frames,
            pitch_tolerance_cents=tolerance.pitch_cents,
        )
        return
    verdict: str = manifest.scores.verdict
    if verdict != variant.result.verdict:
        verdict += f" by the current rules (stored: {variant.result.verdict})"
    click.echo(
        f"{path}: {manifest.name}, verdict {verdict}, {tolerance.frames} golden frames; verify allows "
        f"{tolerance.pitch_cents:.2f} cents for processors that round differently"
    )
