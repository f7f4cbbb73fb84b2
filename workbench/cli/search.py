"""`search`: find the smallest or the fastest recipe of a space within limits."""

import sys
from pathlib import Path

import click

from workbench.cli._shared.group import FAIL, PASS, main
from workbench.cli._shared.notes import quiet_option
from workbench.cli._shared.options import (
    calib_audio_option,
    jobs_option,
    json_option,
    opened_workers,
    out_option,
    output_folder,
    scheduler_option,
)
from workbench.cli._shared.output import print_archived, print_json
from workbench.cli._shared.progress import progress_shown
from workbench.workflows.folders import baseline_store, open_catalog, program_store


@main.command()
@click.argument("space", type=click.Path(path_type=Path), metavar="SPACE.yaml")
@click.option(
    "--storage",
    metavar="URL",
    help="Database of the trials, such as postgresql://user@host/name: several machines join one search.  [default: a "
    "file in the folder]",
)
@out_option("Folder for the search; an interrupted one goes on.  [default: a dated folder below outputs/]")
@jobs_option
@scheduler_option
@json_option
@calib_audio_option
@quiet_option
def search(
    space: Path,
    storage: str | None,
    out: Path | None,
    jobs: int,
    scheduler: str | None,
    as_json: bool,
    calib_audio: Path | None,
) -> None:
    """Find the smallest or the fastest recipe of a space within limits.

    SPACE.yaml names a base recipe, the choices for its keys and layers, the goal (smallest, fastest or both) and the
    limits. Each trial is simulated on a few seconds of the calibration clips. One that may meet the limits is built and
    run on all calibration clips. It is timed if the goal or a limit is a time. If the goal is the fastest, the best
    trials are timed again at the end, in turns with each other. The scoring clips choose nothing: only the winner runs
    on them, once, and the record has both scores.

    Writes the recipe of the winner (and of the front, with two goals), search.json and search.html. The same command
    with the same --out or --storage goes on; a second one at the same time, also on another machine, joins. --jobs and
    --scheduler score as many trials at the same time as there are processes or workers of a Dask cluster; each program
    is timed by itself, on this machine. The trial of a worker that died is tried again.

    Exit codes: 0 a recipe was found; 1 no trial meets the limits; 2 error. It needs the extra search: pip install
    'pesto-workbench[search]'.

    \b
    Example:
      workbench search recipes/search/int8-small.yaml --out outputs/search --jobs 2
      workbench search my-space.yaml --storage postgresql://me@host/searches
      workbench search my-space.yaml --scheduler tcp://192.168.1.5:8786
    """
    from workbench.workflows.search.space import load_space

    catalog = open_catalog(calib_audio)
    loaded = load_space(space, catalog)
    with progress_shown() as progress:
        progress.report("import", 0, 1)
        from workbench.report.tables.search.trials import print_search
        from workbench.workflows.jobs.variants import Caches
        from workbench.workflows.search.run import search as run_search
        from workbench.workflows.store_results import store_search

        progress.report("import", 1, 1)
        workers = opened_workers(jobs, scheduler)
        folder = output_folder(out, f"search-{loaded.name}")
        caches = Caches(program_store(), baseline_store())
        result = run_search(loaded, catalog, folder, storage, progress, caches, workers)
    print_archived(store_search(result, folder))
    if as_json:
        print_json(folder, result)
    else:
        print_search(result, folder)
    sys.exit(PASS if result.winner is not None else FAIL)
