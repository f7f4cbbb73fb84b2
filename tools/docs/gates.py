"""Writes `docs/results/gates.md`: every gate of the shipped recipes, and how much of it the stored figure uses."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.docs.findings import FINDINGS
from tools.docs.stored import MEASURED, RECORDS
from workbench.recipe import Gate, gates_of
from workbench.records.metrics import metric_value
from workbench.records.result import Result, read_result
from workbench.report.formatting import format_number, markdown_table

INSTRUCTIONS = RECORDS / "reliability" / "instructions.json"
_LARGEST = ("max", "max_untied_cents", "worst_max_untied_cents")
_HEAD = """# Gates and their headroom

A program gives slightly other figures on a processor with other vector instructions, because it adds numbers in another
order. A gate of a shipped recipe leaves room for that, so that a healthy clone passes everywhere:

- A figure that one frame decides (a maximum) uses at most {largest:.0%} of its limit. Between processors and
  instruction sets, such figures changed by a factor of up to 1.3 if they use a third of the limit or more, by up to 2
  if they use less, and by up to 5 below a tenth. None exceeded 53 % of its limit.
- A figure of many frames (a percentile or a rate) uses at most {pooled:.0%} of its limit. Such figures changed by up to
  1 % if the limit is above the noise of float arithmetic.
- A number of bytes is exact, and so is a limit of 0. They can be tight.

Limits are then rounded up to 1, 2 or 5 times a power of ten. `tests/docs/test_gate_headroom.py` fails if a stored
figure uses more of its limit. The stored figures are those of [the measurements](measured.md) and of
[the findings](findings.md).

A gate that is wide enough for every processor still catches a fault: state that is lost or reset is 1,900 cents off,
`frontend_tolerance: 1e-3` moves single frames of float-low-rank by up to 2 cents, the whole encoder in
static int8 gives 9 to 16 cents at the 95th percentile, and a spectrum in int8 some 3,700.
"""


@dataclass(frozen=True)
class Headroom:
    """A gate of a shipped variant, the figure in its stored result, and the share of the limit that it may use."""

    variant: str
    gate: Gate
    figure: float
    most: float | None

    @property
    def used(self) -> float | None:
        """The share of the limit that the figure uses; None for a limit of 0."""
        return self.figure / self.gate.limit if self.gate.limit else None

    @property
    def is_enough(self) -> bool:
        return self.most is None or self.used is None or self.used <= self.most


def most_used(gate: Gate) -> float | None:
    """Returns the share of a limit that a stored figure may use; None if the figure is exact."""
    if not gate.metric.startswith("deviation"):
        return None
    return 0.6 if gate.metric.rpartition(".")[2] in _LARGEST else 0.8


def headrooms() -> Iterator[Headroom]:
    """Yields every gate of the stored results that pass; the others miss theirs on purpose."""
    for folder in (MEASURED, FINDINGS):
        for result in map(read_result, sorted(folder.glob("*.json"))):
            if result.verdict == "pass":
                yield from _of(result)


def _of(result: Result) -> Iterator[Headroom]:
    for gate in gates_of(result.recipe.resolved["gates"]):
        figure, _ = metric_value(gate.metric, result)
        if figure is not None:
            yield Headroom(result.recipe.name, gate, figure, most_used(gate))


def page() -> str:
    """Returns the page, from the results that are stored."""
    rows = [
        {
            "variant": found.variant,
            "gate": f"`{found.gate.metric}`",
            "limit": str(found.gate).replace("<", "&lt;"),
            "figure": f"{found.figure:.4g}" if found.gate.metric != "program.bytes" else f"{found.figure:,.0f}",
            "of the limit": format_number(found.used, ".0%"),
            "at most": "exact" if found.most is None or found.used is None else f"{found.most:.0%}",
        }
        for found in headrooms()
    ]
    head = _HEAD.format(largest=0.6, pooled=0.8)
    return "\n".join([head, markdown_table(rows, left=("variant", "gate", "limit")), *_instructions(INSTRUCTIONS)])


def _instructions(path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    made_in, measured = stored["environment"], stored["figures"]
    conditions = dict.fromkeys(name for by in measured.values() for figures in by.values() for name in figures)
    others = dict.fromkeys(found.variant for found in headrooms() if found.variant not in measured)
    yield (
        "## Instruction sets\n\nThe same program and the same baseline in processes that see fewer vector instructions "
        "(`tools/reliability/instruction_sets.py`), on the clips with the largest deviations in the stored result. "
        f"Percentiles and rates are over these clips only. {stored['created'][:10]}, {made_in['cpu']}, torch "
        f"{made_in['torch']}, executorch {made_in['executorch']}. Not measured in this way: {', '.join(others)}.\n"
    )
    yield markdown_table(
        [
            {
                "variant": variant,
                "metric": f"`{metric}`",
                **{name: format_number(figures.get(name), ".4g") for name in conditions},
            }
            for variant, by_metric in measured.items()
            for metric, figures in by_metric.items()
        ],
        left=("variant", "metric"),
    )
