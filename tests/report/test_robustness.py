"""Where a program is below upstream, as every output says it: the table, the report, the picture, the page."""

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.records.results import stored
from tests.measure.test_truth_groups import A3, scored
from tools.docs import robustness as documents
from workbench.records.robustness import ROBUSTNESS_NAME, ConditionAccuracy, Robustness
from workbench.records.run_folders import StoredResult
from workbench.report.html.accuracy import accuracy_charts
from workbench.report.plots.robustness import robustness_png
from workbench.report.tables.robustness import print_robustness
from workbench.storage.json_files import replace_json


def record(wrong_of_1000: int, name: str = "float-xnnpack") -> Robustness:
    """The clean condition, in which all is right, and noise in which some frames of the variant are wrong."""
    result = stored(renamed=name)
    conditions = []
    for condition, wrong in (("clean", 0), ("noise at 0 dB", wrong_of_1000)):
        is_wrong = np.arange(1000) % 50 < wrong // 20
        truth = scored(("a", "", np.full(1000, A3), is_wrong), ("silence", "", np.zeros(300), np.zeros(300)))
        group = truth.groups[0].model_dump(exclude={"by", "group"})
        change = truth.rpa50_change
        conditions.append(
            ConditionAccuracy(
                **group,
                by="condition",
                group=condition,
                kind="annotated",
                sound="-",
                clips=("a", "silence"),
                rpa50_change=change,
                below_baseline=change < -0.01,
            )
        )
    return Robustness(
        created="2026-01-01T00:00:00+00:00",
        recipe=result.recipe,
        environment=result.environment,
        program=result.program,
        audio=(),
        delay_ms=0.0,
        threshold=0.5,
        conditions=tuple(conditions),
        took_s=1.0,
    )


@pytest.mark.parametrize(("wrong_of_1000", "where"), [(40, "noise at 0 dB"), (0, "nowhere")], ids=["below", "as good"])
def test_every_output_says_where_it_is_below(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong_of_1000: int, where: str
) -> None:
    made, other = record(wrong_of_1000), record(0, "other")
    print_robustness(made, tmp_path)
    assert f"More than 1 point of RPA50 below upstream: {where}." in capsys.readouterr().out
    replace_json(made, tmp_path / ROBUSTNESS_NAME)
    chart = accuracy_charts(StoredResult(stored(), tmp_path, True))[-1]
    assert chart.title == "Robustness: annotated"
    assert [row.below for row in chart.rows] == [False, wrong_of_1000 > 0]
    assert robustness_png([made, other]).startswith(b"\x89PNG")

    assert "No record is stored yet." in documents.page(tmp_path / "none")
    (tmp_path / ROBUSTNESS_NAME).unlink()
    for each in (made, other):
        replace_json(each, tmp_path / f"{each.recipe.name}.json")
    page = documents.page(tmp_path)
    assert f"- **float-xnnpack**: More than 1 point of RPA50 below upstream: {where}." in page
    assert ("**−4.0 (−4.0 to −4.0)** | 0.0 (0.0 to 0.0) |" in page) == (wrong_of_1000 > 0)
    rpa50 = f"{100 - wrong_of_1000 / 10:.1f}"
    assert f"| noise at 0 dB | 1,000 | 100.0 | {rpa50} | 100.0 |" in page
