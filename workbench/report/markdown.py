"""`report.md`: what a reviewer has to know, for the text of a pull request."""

import re
from collections.abc import Sequence
from pathlib import Path

from workbench.records.result import Result
from workbench.records.run_folders import StoredResult
from workbench.report.columns import metric_column
from workbench.report.formatting import format_number, markdown_table
from workbench.report.summary import cautions, misfit_lines, sentence

_SIGNS = {"pass": "✅ pass", "fail": "❌ fail", "inconclusive": "❔ inconclusive"}
_COLUMNS = tuple(
    metric_column(key)
    for key in ("pitch_p95", "max", "jumps", "delay", "tones", "bytes", "native_times_faster", "times_faster")
)


def report_md(results: Sequence[StoredResult], names: Sequence[str], page: Path) -> str:
    """Returns a sentence, a table of verdicts and changes against upstream, and why variants did not pass.

    Args:
        results: At least one.
        names: One for each result.
        page: The path of the whole report, which the text names.
    """
    rows = [_row(stored.result, name) for stored, name in zip(results, names, strict=True)]
    lines = [f"### {escape_markdown(sentence(results, names))}", "", markdown_table(rows)]
    found = cautions(results)
    if found:
        lines.append(f"⚠️ Not all of these can be compared: they were {'; '.join(found)}.\n")
    lines += [f"⚠️ {escape_markdown(line)}.\n" for line in misfit_lines(stored.result for stored in results)]
    reasons = [
        f"- **{escape_markdown(name)}** {stored.result.verdict}: {escape_markdown(reason)}"
        for stored, name in zip(results, names, strict=True)
        for reason in stored.result.reasons
    ]
    if reasons:
        lines += [*reasons, ""]
    lines.append(
        "Deviations are of the program from upstream PESTO, over voiced frames; a jump is one of more than 50 cents. "
        f"The whole report: `{page}`\n"
    )
    return "\n".join(lines)


def _row(result: Result, name: str) -> dict[str, str]:
    unfair = "" if result.protocol.fair else " (UNFAIR)"
    return {
        "variant": escape_markdown(name),
        "verdict": _SIGNS[result.verdict] + unfair,
        **{column.title: column.text(result) for column in _COLUMNS},
        "rpa50 change": format_number(result.truth.rpa50_change if result.truth else None, "+.4f"),
    }


def escape_markdown(text: str) -> str:
    """Returns text that Markdown shows as it is: names come from files."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(text.split()))
