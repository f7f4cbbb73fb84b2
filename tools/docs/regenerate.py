"""Writes all generated documents: reference pages, tables of measurements, the recipe schema for editors.

    python -m tools.docs.regenerate                          from the records stored in docs/records/
    python -m tools.docs.regenerate --records outputs/DIR    store the results and pictures of a run first
    python -m tools.docs.regenerate --bench outputs/DIR      store the record and picture of a bench first
    python -m tools.docs.regenerate --profiles outputs/DIR   store its profiles and their pictures first
    python -m tools.docs.regenerate --findings outputs/DIR   store those of `run recipes/findings` first
    python -m tools.docs.regenerate --rivals outputs/DIR     store the record and picture of `rivals` first
    python -m tools.docs.regenerate --rivals-singing outputs/DIR     the same, on recordings
    python -m tools.docs.regenerate --robustness outputs/DIR store the records of `robustness` in DIR/RECIPE/ first
    python -m tools.docs.regenerate --searches outputs/DIR   store the records of searches in DIR/SPACE/ first
    python -m tools.docs.regenerate --students outputs/DIR   store the records of `make students` first

`tests/docs/test_docs.py` fails if a file differs from what this module writes.
"""

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

from tools.docs import (
    choices,
    findings,
    gates,
    reliability,
    rivals,
    robustness,
    searches,
    silence,
    steadiness,
    stored,
    tables,
)
from tools.docs.reference import bad_input, recipe_page, records_page
from tools.docs.steps import tables as steps
from tools.docs.stored import MEASURED, ROOT
from tools.docs.students import page as students
from tools.reliability import shape_table
from workbench.recipe import json_schema

PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/recipe.md": recipe_page.recipe_page,
    "docs/reference/records.md": records_page.records_page,
    "docs/reference/metrics.md": records_page.metrics_page,
    "docs/reference/bad-input.md": bad_input.page,
    "docs/results/findings.md": findings.page,
    "docs/results/gates.md": gates.page,
    "docs/results/reliability.md": reliability.page,
    "docs/results/rivals.md": rivals.page,
    "docs/results/robustness.md": robustness.page,
    "docs/results/searches.md": searches.page,
    "docs/results/student.md": students.page,
    "recipes/recipe.schema.json": lambda: json.dumps(json_schema(), indent=2) + "\n",
}
"""Whole files that are generated."""

TABLES: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("README.md", "measured", tables.measured_in_short),
    ("docs/start.md", "printed", tables.printed_run),
    ("docs/guides/choose.md", "choices", choices.choices),
    ("docs/guides/tuner-or-game.md", "steadiness", steadiness.table),
    ("docs/results/measured.md", "measured", tables.measured),
    ("docs/results/int8.md", "int8", tables.int8),
    ("docs/results/programs.md", "single", steps.single),
    ("docs/results/programs.md", "together", steps.together),
    ("docs/results/programs.md", "exact", steps.exact),
    ("docs/results/call-sizes.md", "sizes", tables.sizes),
    ("docs/results/silence.md", "silence", silence.silence),
    ("docs/results/shapes.md", "shapes", shape_table.table),
    ("docs/results/speed.md", "bench", tables.bench),
    ("docs/results/profiles.md", "profiles", tables.profiles),
)
"""Tables within files: the file, the marker around the table, and the table."""


def generated() -> dict[Path, str]:
    """Returns every generated file with its content."""
    files = {ROOT / name: page() for name, page in PAGES.items()}
    for name, marker, table in TABLES:
        path = ROOT / name
        files[path] = with_table(files.get(path) or path.read_text(), marker, table(), name)
    return files


def with_table(text: str, marker: str, table: str, name: str) -> str:
    """Returns a page with the text between `<!-- marker -->` and `<!-- /marker -->` replaced."""
    pattern = re.compile(rf"(<!-- {marker} -->\n).*(<!-- /{marker} -->)", flags=re.DOTALL)
    text, count = pattern.subn(lambda found: f"{found[1]}\n{table}\n{found[2]}", text)
    if count != 1:
        raise SystemExit(f"{name}: expected one <!-- {marker} -->, found {count}")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the generated documents.")
    stores: dict[str, tuple[Callable[[Path], None], str]] = {
        "records": (stored.store_measured, "a run of the shipped recipes"),
        "bench": (stored.store_bench, "a bench"),
        "profiles": (stored.store_profiles, "a folder of profiles"),
        "findings": (findings.keep, "a run of recipes/findings"),
        "rivals": (rivals.store, "a comparison with other trackers on the rendered clips"),
        "robustness": (robustness.store, "a folder of the robustness of several recipes"),
        "searches": (searches.store, "a folder of searches"),
        "students": (students.store, "a folder of trainings of the shipped student"),
        "rivals-singing": (rivals.store_singing, "the same on recordings"),
    }
    for name, (_, source) in stores.items():
        parser.add_argument(f"--{name}", type=Path, metavar="DIR", help=f"{source}, to store first")
    arguments = parser.parse_args()
    for name, (store, _) in stores.items():
        folder = getattr(arguments, name.replace("-", "_"))
        if folder:
            store(folder)
    for path in (*MEASURED.glob("*.json"), *findings.FINDINGS.glob("*.json")):
        stored.judge_again(path)
    for path, content in generated().items():
        path.write_text(content)


if __name__ == "__main__":
    main()
