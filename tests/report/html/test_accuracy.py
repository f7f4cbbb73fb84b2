"""The chart of the accuracy against the known f0: its figures are those of the record, its axis contains them."""

import numpy as np

from tests.helpers.records.results import stored
from tests.measure.test_truth_groups import A3, A4, scored
from workbench.records.run_folders import StoredResult
from workbench.report.html.accuracy import accuracy_charts


def test_a_row_for_each_group_with_voiced_frames() -> None:
    low, high = np.full(600, A3), np.full(400, A4)
    wrong = np.arange(600) % 4 == 0
    truth = scored(("a", "", low, wrong), ("b", "", high, np.zeros(400)), ("silence", "", np.zeros(300), np.zeros(300)))
    result = stored("float-xnnpack").replace(truth=truth)
    (chart,) = accuracy_charts(StoredResult(result, None, True))
    assert [(row.by, row.name, row.frames) for row in chart.rows] == [
        ("all", "all clips", "1,000 voiced frames"),
        ("octave", "C3-B3", "600 voiced frames"),
        ("octave", "C4-B4", "400 voiced frames"),
        ("clip", "a", "600 voiced frames"),
        ("clip", "b", "400 voiced frames"),
    ]
    octave = chart.rows[1]
    assert (octave.text, octave.change) == ("75.0 % (75.0 to 75.0)", "−25.0 points (−25.0 to −25.0)")
    assert (chart.rows[4].text, chart.rows[4].change) == ("100.0 %", "0.0 points")  # 4 seconds have no interval
    baseline, variant = octave.sides
    assert baseline.at == 100.0 and 0 < variant.at < 50
    assert (
        accuracy_charts(
            StoredResult(stored("float-xnnpack").replace(truth=None, null_reasons={"truth": "-"}), None, True)
        )
        == []
    )
