"""The text for a pull request."""

import re
from pathlib import Path

from workbench.records.run_folders import find_results, unique_names
from workbench.report.markdown import report_md


def test_report_md_has_verdicts_reasons_and_the_page(run: Path) -> None:
    results = find_results([run])
    text = report_md(results, unique_names(results), Path("outputs/a run/report.html"))
    lines = text.splitlines()
    assert lines[0].startswith("### 2 of 4 variants pass. Smallest: ")
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 2 + len(results)
    assert "❌ fail (UNFAIR)" in rows[-1] and "-0.1078" in rows[-1]
    assert not [line for line in lines if re.search(r"(?<!\\)<", line)]
    assert "- **unfair** fail: deviation.pitch.p95\\_cents is 1900.000381 (limit \\<= 0.01)" in lines
    assert lines[-1].endswith("The whole report: `outputs/a run/report.html`")
