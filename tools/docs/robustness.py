"""Writes `docs/results/robustness.md`: recipes beside upstream in each condition, from the stored records."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tools.docs.stored import PICTURES, ROBUSTNESS, store_robustness
from workbench.records.robustness import ROBUSTNESS_PLOT_NAME, ConditionAccuracy, Robustness, read_robustness
from workbench.report.formatting import markdown_table
from workbench.report.plots.robustness import robustness_png
from workbench.report.tables.robustness import FIGURES, below_text, change_text, share_text

_HEAD = """---
hide: [toc]
---

# Robustness

`make robustness` writes this page. It runs [`workbench robustness`](../reference/commands.md), which compares upstream
and the program of a recipe with the known f0, on the same chunks, in each condition. [Known f0](../measure/known-f0.md)
describes the conditions and the figures. All shares are in percent.
"""
_Cell = Callable[[ConditionAccuracy], str]


def store(run: Path) -> None:
    """Stores the records of several recipes, and draws their picture."""
    store_robustness(run)
    (PICTURES / ROBUSTNESS_PLOT_NAME).write_bytes(robustness_png(_records(ROBUSTNESS)))


def page(folder: Path = ROBUSTNESS) -> str:
    """Returns the page of the records in a folder."""
    records = _records(folder)
    if not records:
        return f"{_HEAD}\nNo record is stored yet.\n"
    sections = [_HEAD, f"![Share of right frames in each condition](../pictures/{ROBUSTNESS_PLOT_NAME})\n"]
    sections += [f"- **{record.recipe.name}**: {below_text(record.conditions)}" for record in records]
    sections.append("\n## RPA50, change from upstream\n\nIn points, with the 95 % interval of the change.\n")
    sections.append(_table(records, change_text, None))
    for name, field in FIGURES.items():
        table = _table(records, partial(_side, field, "variant"), partial(_side, field, "baseline"))
        sections.append(f"## {name[0].upper()}{name[1:]}\n\n{table}")
    first = records[0]
    names: dict[str, list[str]] = {}
    for each in first.conditions:
        names.setdefault(each.sound, []).append(each.group)
    sounds = [f"- **{'; '.join(groups)}**: {sound}." for sound, groups in names.items()]
    sections += ["## Conditions\n", *sounds]
    sections.append(
        f"\nRecall, false alarms and overall are at a confidence of {first.threshold:g}. Measured on "
        f"{first.created[:10]} with workbench {first.environment.commit}. `docs/records/robustness/` has the records, "
        "with the hash of each clip.\n"
    )
    return "\n".join(sections)


def _records(folder: Path) -> list[Robustness]:
    """Returns the records, sorted by recipe. Raises SystemExit if they were not measured against the same upstream."""
    found = [read_robustness(path) for path in sorted(folder.glob("*.json"))]
    records = [record for record in found if record is not None]
    for record in records[1:]:
        if _upstream(record) != _upstream(records[0]):
            raise SystemExit(
                f"{record.recipe.name}: has another upstream than {records[0].recipe.name}; measure both again"
            )
    return records


def _side(field: str, side: str, condition: ConditionAccuracy) -> str:
    return share_text(getattr(condition, side), field)


def _upstream(record: Robustness) -> list[tuple[object, ...]]:
    return [(each.group, each.kind, each.voiced_frames, each.baseline) for each in record.conditions]


def _table(records: Sequence[Robustness], of_variant: _Cell, of_baseline: _Cell | None) -> str:
    """Returns a row for each condition, and a column for upstream, if it has a cell, and for each recipe."""
    rows = []
    for number, condition in enumerate(records[0].conditions):
        row = {"condition": condition.group, "voiced frames": f"{condition.voiced_frames:,}"}
        if of_baseline is not None:
            row["upstream"] = of_baseline(condition)
        for record in records:
            found = record.conditions[number]
            text = of_variant(found)
            row[record.recipe.name] = f"**{text}**" if found.below_baseline and of_baseline is None else text
        rows.append(row)
    return markdown_table(rows, left=("condition",))
