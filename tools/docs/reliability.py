"""Writes `docs/results/reliability.md`: long experiments, from the figures in docs/records/reliability."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from workbench.recipe.options import Scheme
from workbench.records.environment import environment
from workbench.report.formatting import markdown_table
from workbench.report.markdown import escape_markdown

STORED = Path(__file__).parent.parent.parent / "docs" / "records" / "reliability"
HEAD = """# Reliability

These experiments try to make the workbench lose or fake a result. The scripts below write their figures with `--out`;
the stored ones are in `docs/records/reliability`. [Bad input](../reference/bad-input.md) and
[random tests](fuzzing.md) have their own pages.
"""


def run_here() -> dict[str, Any]:
    """Returns when and where a script ran: the head of its figures."""
    here = environment(1).model_dump(mode="json", include={"cpu", "cores", "executorch", "torch", "commit"})
    return {"created": datetime.now(UTC).isoformat(timespec="seconds"), "environment": here}


def page() -> str:
    """Returns the page, from the figures that are stored."""
    parts = (
        ("kills.json", _kills),
        ("soak.json", _soak),
        ("builds.json", _builds),
        ("combinations.json", _combinations),
    )
    sections = [
        section(json.loads((STORED / name).read_text())) for name, section in parts if (STORED / name).is_file()
    ]
    return "\n".join([HEAD, *sections])


def _where(figures: dict[str, Any]) -> str:
    made_in = figures["environment"]
    return (
        f"{figures['created'][:10]}, workbench {made_in['commit']}, {made_in['cpu']}, {made_in['cores']} cores, torch "
        f"{made_in['torch']}, executorch {made_in['executorch']}.\n"
    )


def ends(codes: dict[str, int]) -> str:
    """Returns the exit codes of a command, each with its count."""
    return ", ".join(f"{code} ({count}×)" for code, count in codes.items())


def memory_in_words(worker: dict[str, Any]) -> str:
    """A worker's resident memory in MB: the median of each third of its commands, the slope after the first third."""
    most = f"most {worker['most_bytes'] / 1e6:.0f}"
    if not worker["thirds_bytes"]:
        return f"not judged ({most})"
    thirds = ", ".join(f"{size / 1e6:.0f}" for size in worker["thirds_bytes"])
    return f"{thirds} ({worker['grew_bytes_per_command'] / 1e6:+.2f} a command, {most})"


def _kills(figures: dict[str, Any]) -> str:
    kills = figures["kills"]
    right = sum(not kill["wrong"] for kill in kills)
    rows = [
        {
            "killed after (s)": f"{kill['after_s']:.1f}",
            "last stage": kill["stage"] or "not kept",
            "result then": kill["found"],
            "resumed for (s)": f"{kill['resumed_s']:.1f}",
            "reused": kill["reused"] or "nothing",
            "in the end": escape_markdown("; ".join(kill["wrong"])) or "as uninterrupted",
        }
        for kill in kills
    ]
    return (
        "## Killed at random moments\n\n`python -m tools.reliability.kill_and_resume`: SIGKILL, in every second run "
        f"over the result of another recipe, then the same command again. **{right} of {len(kills)}** ended with the "
        "result and the files of an uninterrupted run, except for the times, and left no process and no other file.\n\n"
        f"{markdown_table(rows, tuple(rows[0]))}\n{_where(figures)}"
    )


def _soak(figures: dict[str, Any]) -> str:
    rows = [
        {
            "command": name,
            "times": f"{row['count']}",
            "ended with": ends(row["codes"]),
            "median (s)": f"{row['median_s']:.1f}",
        }
        for name, row in figures["by_command"].items()
    ]
    memory = "; ".join(memory_in_words(worker) for worker in figures["memory"])
    wrong = "; ".join(figures["wrong"])
    return (
        f"## {figures['minutes']:g} minutes of mixed commands\n\n`python -m tools.reliability.mixed_commands`: "
        f"{figures['workers']} processes that share one folder and its program cache, "
        f"{figures['commands']} commands. Each worker's resident memory in MB, the median of each third of its "
        f"commands, "
        "and how it grew from the second third on: "
        f"{memory}. {figures['records']} results at the end. "
        f"{'Wrong: ' + escape_markdown(wrong) if wrong else 'Every result is complete; nothing was left behind'}.\n\n"
        f"{markdown_table(rows, ('command', 'ended with'))}\n{_where(figures)}"
    )


def _builds(figures: dict[str, Any]) -> str:
    rows = [
        {
            "variant": escape_markdown(build["variant"]),
            "bytes": f"{build['bytes']:,}",
            "SHA-256": f"{build['sha256'][:16]}…",
            "second build": "the same bytes"
            if build["first_difference"] is None
            else f"differs from byte {build['first_difference']} on",
        }
        for build in figures["builds"]
    ]
    return (
        "## Built twice\n\n`python -m tools.reliability.two_builds`: `workbench build --fresh` in two processes, "
        f"calibration included.\n\n{markdown_table(rows, ('variant', 'SHA-256', 'second build'))}\n{_where(figures)}"
    )


def _combinations(figures: dict[str, Any]) -> str:
    outcomes = Counter((not row["refused"], not row["failed"]) for row in figures["tried"])
    named = {str(value) for row in figures["tried"] for value in row["choices"].values()}
    schemes = [scheme for scheme in get_args(Scheme) if scheme in named and scheme != "none"]
    refused = Counter(row["refused"] for row in figures["tried"] if row["refused"])
    table = [{"what `check` says": escape_markdown(text), "combinations": f"{refused[text]}"} for text in refused]
    wrong = [row for row in figures["tried"] if bool(row["refused"]) != bool(row["failed"])]
    misses = "".join(
        f"- `{json.dumps(row['choices'])}`: {escape_markdown(row['failed'] or 'runs')}\n" for row in wrong
    ) + "\n" * bool(wrong)
    return (
        "## What `check` refuses, lowered all the same\n\n`python -m tools.reliability.combinations`: each scheme of "
        f"each part by itself, and pairs of choices, {len(figures['tried'])} combinations with {', '.join(schemes)}. "
        f"**{outcomes[True, True]}** that `check` accepts run, **{outcomes[False, False]}** that it refuses do not. It "
        f"accepts {outcomes[True, False]} that do not run, and refuses {outcomes[False, True]} that run.\n\n"
        f"{misses}{markdown_table(table, ('what `check` says',))}\n{_where(figures)}"
    )
