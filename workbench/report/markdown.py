"""`report.md`: what a reviewer has to know, for the text of a pull request."""

import re
from collections.abc import Sequence
from pathlib import Path

from workbench.records.result import Result
from workbench.records.run_folders import StoredResult
from workbench.report.formatting import markdown, number, result_cells
from workbench.report.summary import cautions, sentence

_SIGNS = {"pass": "✅ pass", "fail": "❌ fail", "inconclusive": "❔ inconclusive"}
_KEPT = {
    "pitch p95 (cents)": "pitch p95 (cents)",
    "max": "pitch max (cents)",
    "bytes": "bytes",
    "times faster": "times faster",
}


def report_md(kept: Sequence[StoredResult], names: Sequence[str], page: Path) -> str:
    """A sentence, a table of verdicts and of what changed against upstream, and the reasons of whatever did not pass.

    `page` is named as the place of the whole report.
    """
    rows = [_row(one.record, name) for one, name in zip(kept, names, strict=True)]
    lines = [f"### {escaped(sentence(kept, names))}", "", markdown(rows)]
    if apart := cautions(kept):
        lines.append(f"⚠️ Not all of these can be compared: they were {'; '.join(apart)}.\n")
    for one, name in zip(kept, names, strict=True):
        lines += [f"- **{escaped(name)}** {one.record.verdict}: {escaped(reason)}" for reason in one.record.reasons]
    if any(one.record.reasons for one in kept):
        lines.append("")
    lines.append(f"Deviations are of the program from upstream PESTO, over voiced frames. The whole report: `{page}`")
    return "\n".join(lines) + "\n"


def _row(record: Result, name: str) -> dict[str, str]:
    found = result_cells(record)
    sign = _SIGNS[record.verdict] + ("" if record.protocol.fair else " (UNFAIR)")
    change = record.truth.rpa50_change if record.truth else None
    return {
        "variant": escaped(name),
        "verdict": sign,
        **{title: found[column] for column, title in _KEPT.items()},
        "rpa50 change": number(change, "+.4f"),
        "voiced frames": number(record.deviation.voiced_frames if record.deviation else None, ",d"),
    }


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: names come from files."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(text.split()))
