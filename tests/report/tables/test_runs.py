from dataclasses import asdict
from pathlib import Path

import pytest

from tests.helpers.results import kept, stored
from workbench.records.run_folders import Run
from workbench.report.tables.runs import print_runs, summarize_run

RUN = Run(
    Path("outputs/run"),
    (kept(stored()), kept(stored("int8-naive"))),
    unreadable=("outputs/run/x/result.json: not a [result]",),
)


def test_summarize_run_has_the_keys_of_the_json() -> None:
    result, other = stored(), stored("int8-naive")
    assert asdict(summarize_run(RUN)) == {
        "folder": "outputs/run",
        "created": max(result.created, other.created),
        "variants": {"float-xnnpack": "pass", "int8-naive": "fail"},
        "verdicts": {"pass": 1, "fail": 1, "inconclusive": 0},
        "commits": sorted({result.environment.commit, other.environment.commit}),
        "machines": [f"{result.environment.cpu}, {result.environment.cores} cores"],
        "earlier": 0,
        "unreadable": list(RUN.unreadable),
    }


def test_print_runs_has_a_row_for_each_run(capsys: pytest.CaptureFixture[str]) -> None:
    print_runs([RUN, Run(Path("outputs/killed"), ())])
    header, first, second, *rest = capsys.readouterr().out.splitlines()
    assert header.startswith("run     newest record (UTC)")
    assert first.split()[3:8] == ["2", "1", "1", "–", "1"]
    assert second.split() == ["killed", *["–"] * 9]
    assert rest == [f"unreadable: {line}" for line in RUN.unreadable]
