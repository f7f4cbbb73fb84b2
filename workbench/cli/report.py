"""`report`: the page of any set of runs, from their records and what lies beside them."""

from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import calib_audio_option, corpus_of, new_folder


@main.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Where to; FILE.md beside it is replaced too.  [default: in the run, or in a new folder for several]",
)
@calib_audio_option
def report(runs: tuple[Path, ...], out: Path | None, calib_audio: Path | None) -> None:
    """Render report.html and report.md again, from records alone: nothing is built, run or timed.

    A RUN is a run's folder, a variant's, or a record. Contours come from the frames beside the records, sound from what
    the run kept of its worst moments, else from the clips of the same name and content.

    \b
    Example:
      workbench report outputs/20261122-181500-int8-mixed
      workbench report outputs/measured outputs/takes --out report.html
    """
    from workbench.errors import WorkbenchError
    from workbench.records.run_folders import find_results
    from workbench.report.html.page import PAGE_NAME, write_report

    if out is not None and out.suffix != ".html":
        raise WorkbenchError(f"--out {out}: the page is HTML, and Markdown goes beside it; name a file.html")
    kept = find_results(runs)
    if out is None:
        place = runs[0] if runs[0].is_dir() else runs[0].parent
        out = (place if len(runs) == 1 else new_folder("report")) / PAGE_NAME
    write_report(kept, out, corpus_of(calib_audio))
    click.echo(f"{out}  {len(kept)} variant{'s' * (len(kept) != 1)}, {out.stat().st_size:,} bytes")
