"""The table of `docs/guides/choose.md`: what each variant is good for, with the figures that decide."""

from tools.docs.stored import MEASURED
from tools.docs.tables import DYNAMIC
from workbench.records.result import Result, read_result
from workbench.report.columns import by_processor, result_cells, without_empty_columns
from workbench.report.formatting import DASH, markdown_table
from workbench.report.recipe_summary import PURPOSES

_CHOICES = (
    *("float-xnnpack", "float-low-rank", "float-band", "int8-mixed", "int8-fast", "int8-small", "int8-dynamic"),
    *("student-int8", "student-float", DYNAMIC, "explicit-state", "int8-streams"),
    *("int8-fast-44k1-256", "int8-small-44k1-256", "int8-fast-16k", "int8-small-16k"),
)


def choices() -> str:
    """Returns what each variant is good for, with the figures that decide: a table for each processor."""
    groups = by_processor([read_result(MEASURED / f"{name}.json") for name in _CHOICES])
    return "\n".join(
        markdown_table(without_empty_columns([_choice(result) for result in group]), left=("variant", "good for"))
        + f"\nMeasured on {group[0].environment.cpu}.\n"
        for group in groups
    )


def _choice(result: Result) -> dict[str, str]:
    cells, name = result_cells(result), result.recipe.name
    titles = ("bytes", "pitch p95 (cents)", "native p50 (µs)", "times faster (native)", "times faster")
    return {
        "variant": name,
        "good for": PURPOSES[name.partition("@")[0]],
        "a call (ms)": DASH if result.speed is None else f"{result.speed.chunk_ms:.3g}",
        **{title: cells[title] for title in titles},
    }
