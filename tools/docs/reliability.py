"""`docs/reliability.md`: what was tried by hand, as no test is long enough, from the figures in docs/reliability."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.records.environment import environment
from workbench.report.formatting import markdown
from workbench.report.markdown import escaped

KEPT = Path(__file__).parent.parent.parent / "docs" / "reliability"
HEAD = """# What was tried to lose or fake a result

Made from the figures in [reliability](reliability), which the scripts named below leave with `--out`. What is given to
the workbench to break it is in [bad-input.md](bad-input.md) and [fuzzing.md](fuzzing.md).
"""


def run_here() -> dict[str, Any]:
    """When and where a script ran: what its figures begin with."""
    made = environment(1).model_dump(mode="json", include={"cpu", "cores", "executorch", "torch", "commit"})
    return {"created": datetime.now(UTC).isoformat(timespec="seconds"), "environment": made}


def page() -> str:
    """The page, of whatever figures are kept."""
    parts = (("kills.json", _kills), ("soak.json", _soak), ("builds.json", _builds))
    told = [tell(json.loads((KEPT / name).read_text())) for name, tell in parts if (KEPT / name).is_file()]
    return "\n".join([HEAD, *told])


def _where(figures: dict[str, Any]) -> str:
    place = figures["environment"]
    return (
        f"{figures['created'][:10]}, workbench {place['commit']}, {place['cpu']}, {place['cores']} cores, torch "
        f"{place['torch']}, executorch {place['executorch']}.\n"
    )


def ends(codes: dict[str, int]) -> str:
    """What a command ended with, how often."""
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
            "last told": kill["stage"] or "not kept",
            "record then": kill["found"],
            "went on for (s)": f"{kill['resumed_s']:.1f}",
            "used again": kill["reused"] or "nothing",
            "in the end": escaped("; ".join(kill["wrong"])) or "as uninterrupted",
        }
        for kill in kills
    ]
    return (
        "## Killed at random moments\n\n`python -m tools.reliability.kill_and_resume`: SIGKILL, over the record of "
        f"another recipe in every second run, then the same command again. **{right} of {len(kills)}** ended with "
        "the record and files of an uninterrupted run, but for the times, and left no process and no other file.\n\n"
        f"{markdown(rows, tuple(rows[0]))}\n{_where(figures)}"
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
        f"{figures['workers']} processes that share one folder and its store of programs, "
        f"{figures['commands']} commands. Each worker's resident memory in MB, the median of each third of its "
        f"commands, "
        "and how it grew from the second third on: "
        f"{memory}. {figures['records']} records in the end. "
        f"{'Wrong: ' + escaped(wrong) if wrong else 'Every record is whole; nothing was left behind'}.\n\n"
        f"{markdown(rows, ('command', 'ended with'))}\n{_where(figures)}"
    )


def _builds(figures: dict[str, Any]) -> str:
    rows = [
        {
            "variant": escaped(build["variant"]),
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
        f"calibration included.\n\n{markdown(rows, ('variant', 'SHA-256', 'second build'))}\n{_where(figures)}"
    )
