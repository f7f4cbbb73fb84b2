"""`report`: one page for any set of runs."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import calib_audio_option, json_option, new_folder
from workbench.cli._shared.output import print_object
from workbench.workflows.folders import open_catalog


@main.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Page to write; FILE.md is written too.  [default: in the run, or in a dated folder for several]",
)
@json_option
@calib_audio_option
def report(runs: tuple[Path, ...], out: Path | None, as_json: bool, calib_audio: Path | None) -> None:
    """Write one page about one or more runs from their stored results.

    Writes report.html and report.md; nothing is built, run or timed. A RUN is the folder of a run or a variant, or a
    result.json. Contours come from the stored frames; audio comes from the stored clips of the worst moments, or else
    from the clips of the same name and content.

    \b
    Example:
      workbench report outputs/20261122-181500-int8-mixed
      workbench report outputs/measured outputs/takes --out report.html
    """
    from workbench.errors import WorkbenchError
    from workbench.records.run_folders import find_results
    from workbench.report.html.page import PAGE_NAME, write_report

    if out is not None and out.suffix != ".html":
        raise WorkbenchError(f"--out {out}: the page is HTML; use a name that ends in .html")
    results = find_results(runs)
    if out is None:
        folder = runs[0] if runs[0].is_dir() else runs[0].parent
        out = (folder if len(runs) == 1 else new_folder("report")) / PAGE_NAME
    write_report(results, out, open_catalog(calib_audio))
    if as_json:
        print_object(page=str(out), variants=len(results), bytes=out.stat().st_size)
        return
    variants = "1 variant" if len(results) == 1 else f"{len(results)} variants"
    click.echo(f"{out}  {variants}, {out.stat().st_size:,} bytes")
