"""The output of `runs`: a line for each run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.records.metrics import Verdict
from workbench.records.run_folders import Run, archived_results
from workbench.report.formatting import DASH
from workbench.report.tables.terminal import console, plain_table, print_lines

VERDICTS: tuple[Verdict, ...] = ("pass", "fail", "inconclusive")


@dataclass(frozen=True)
class RunSummary:
    """A run at a glance; these are the keys of `runs --json`.

    `created` is when its newest result was begun, ISO 8601 in UTC; "" without results. `earlier` counts the results
    that later ones of the same variant replaced.
    """

    folder: str
    created: str
    variants: dict[str, Verdict]
    verdicts: dict[Verdict, int]
    commits: list[str]
    machines: list[str]
    earlier: int
    unreadable: list[str]


def summarize_run(run: Run) -> RunSummary:
    """Counts the verdicts of a run and collects where and with what it ran."""
    environments = [kept.result.environment for kept in run.results]
    counts = Counter(kept.result.verdict for kept in run.results)
    return RunSummary(
        folder=str(run.folder),
        created=run.created,
        variants={kept.result.recipe.name: kept.result.verdict for kept in run.results},
        verdicts={verdict: counts[verdict] for verdict in VERDICTS},
        commits=sorted({environment.commit or "no commit" for environment in environments}),
        machines=sorted({f"{environment.cpu}, {environment.cores} cores" for environment in environments}),
        earlier=sum(len(archived_results(kept.folder)) for kept in run.results),
        unreadable=list(run.unreadable),
    )


def print_runs(runs: Sequence[Run]) -> None:
    """Prints a table of at least one run, then a line for each result that cannot be read."""
    output = console()
    summaries = [summarize_run(run) for run in runs]
    names = [run.folder.name or str(run.folder) for run in runs]
    rows = [_cells(name, summary) for name, summary in zip(names, summaries, strict=True)]
    output.print(plain_table(rows, left=("run", "commit", "machine")))
    print_lines(output, [f"unreadable: {line}" for summary in summaries for line in summary.unreadable], indent=0)


def _cells(name: str, summary: RunSummary) -> dict[str, str]:
    """A row; a dash stands for nothing and for zero."""
    cells: dict[str, str | int] = {
        "run": name,
        "newest record (UTC)": summary.created[:16].replace("T", " "),
        "variants": len(summary.variants),
        **{verdict: summary.verdicts[verdict] for verdict in VERDICTS},
        "unreadable": len(summary.unreadable),
        "earlier": summary.earlier,
        "commit": "; ".join(summary.commits),
        "machine": "; ".join(summary.machines),
    }
    return {column: str(cell) if cell else DASH for column, cell in cells.items()}
