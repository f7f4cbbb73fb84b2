"""`verify`: whether a bundle is intact and its program returns the expected frames."""

import sys
from pathlib import Path

import click

from workbench.cli._shared.group import FAIL, PASS, main
from workbench.cli._shared.options import json_option


@main.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@json_option
def verify(bundle: Path, as_json: bool) -> None:
    """Check the files of a bundle and the frames of its program.

    Writes nothing. Runs the program on the golden audio and compares the frames with the expected ones. BUNDLE is a
    folder or a .zip file. The check finds a change to any byte of any file. It does not protect against an attacker,
    because a bundle is not signed.

    Exit codes: 0 verified; 1 a file or a frame differs; 2 not a bundle.

    \b
    Example:
      workbench verify pitch.zip
    """
    from workbench.bundle.verify import verify as verify_bundle
    from workbench.bundle.verify_standalone import format_findings

    found = verify_bundle(bundle)
    click.echo(format_findings(found.findings, found.ran, as_json))
    sys.exit(PASS if found.verified else FAIL)
