"""`bundle` and `verify`: what an app team gets, and whether it still does what it promises."""

import sys
from pathlib import Path

import click

from workbench.cli._shared.group import FAIL, PASS, main
from workbench.cli._shared.numbers import FiniteFloatRange
from workbench.cli._shared.options import calib_audio_option, corpus_of, json_option, out_option


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@out_option("Where to.  [default: bundle/ in RUN]", "DIR|FILE.zip")
@click.option("--force", is_flag=True, help="Bundle a program that did not pass; manifest and page say so.")
@click.option("--overwrite", is_flag=True, help="Replace the bundle that is there.")
@click.option(
    "--seconds", type=FiniteFloatRange(0.5, 60), default=4.0, show_default=True, help="Of golden audio, from a phrase."
)
@calib_audio_option
def bundle(run: Path, out: Path | None, force: bool, overwrite: bool, seconds: float, calib_audio: Path | None) -> None:
    """Put together what an app team needs: program, manifest, golden audio with the frames to expect, how to call it.

    RUN is the folder of one variant in a run. What is written was verified first.

    \b
    Example:
      workbench bundle outputs/20261122-120000-int8-mixed/int8-mixed --out pitch.zip
    """
    from workbench.runtime.isolation import silence_library_warnings

    silence_library_warnings()
    from workbench.bundle.write import one_variant, write_bundle

    variant = one_variant(run)
    place = out or variant.folder / "bundle"
    described = write_bundle(variant, place, corpus_of(calib_audio), seconds, force, overwrite)
    tolerance = described.golden.tolerance
    verdict: str = described.scores.verdict
    if verdict != variant.record.verdict:
        verdict += f" by the current rules (stored: {variant.record.verdict})"
    click.echo(
        f"{place}: {described.name}, verdict {verdict}, {tolerance.frames} golden frames, "
        f"pitch within {tolerance.pitch_cents:.2f} cents elsewhere"
    )


@main.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@json_option
def verify(bundle: Path, as_json: bool) -> None:
    """Check a bundle's files, then run its program here: does it still do what the manifest promises?

    BUNDLE is a folder or a .zip. A change to any byte of any file in it is found; a forger is not, for nothing is
    signed. Exit code 1 where something does not match, 2 where it is no bundle.

    \b
    Example:
      workbench verify pitch.zip
    """
    from workbench.bundle.verify import verify as verify_bundle
    from workbench.bundle.verify_standalone import format_findings

    found = verify_bundle(bundle)
    click.echo(format_findings(found.findings, found.ran, as_json))
    sys.exit(PASS if found.verified else FAIL)
