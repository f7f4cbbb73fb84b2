"""The output of `metrics`: for each part of a result what it is, and a row for each of its metrics."""

from collections.abc import Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from workbench.audit.metric_list import Metric
from workbench.report.tables.terminal import console, print_heading


def print_metrics(metrics: Sequence[Metric]) -> None:
    """Prints the metrics. A meaning that is longer than the line goes on in the next one."""
    output = console()
    widths = [max(len(cells[column]) for cells in map(_cells, metrics)) for column in range(3)]
    for (section, part), group in groupby(metrics, key=lambda each: (each.metric.rpartition(".")[0], each.part)):
        print_heading(output, f"{section}: {part}")
        table = Table(box=None, show_header=False, pad_edge=False)
        for width in widths:
            table.add_column(min_width=width, no_wrap=True)
        table.add_column()
        for each in group:
            table.add_row(*map(Text, (*_cells(each), each.meaning)))
        output.print(table)
        output.print()


def _cells(metric: Metric) -> tuple[str, str, str]:
    better = f"{metric.better} is better" if metric.better else ""
    return metric.metric, metric.unit, better
