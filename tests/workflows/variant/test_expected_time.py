"""The expected time of a run, from the seconds in earlier results."""

import json
from pathlib import Path

import pytest

from tests.helpers.records.results import stored, written
from workbench.workflows.variant.expected_time import EarlierRun, ExpectedTime, earlier_runs

SECONDS = {"build": 10.0, "score": 30.0, "pictures": 6.0, "speed": 14.0}


@pytest.mark.parametrize(
    ("seconds", "scored_s", "sizes", "expected_s"),
    [
        (SECONDS, 60.0, 1, 60.0),
        (SECONDS, 120.0, 1, 96.0),
        ({**SECONDS, "sizes": 80.0}, 60.0, 8, 140.0),
        ({**SECONDS, "sizes": 80.0}, 30.0, 4, 62.0),
    ],
)
def test_time_grows_with_audio_and_sizes(
    seconds: dict[str, float], scored_s: float, sizes: int, expected_s: float
) -> None:
    earlier = EarlierRun("a", "here", 60.0, 8 if "sizes" in seconds else 1, seconds)
    assert earlier.seconds_for(scored_s, sizes) == pytest.approx(expected_s)


@pytest.mark.parametrize(
    ("measured", "elapsed_s", "left_s"), [(0, 0.0, 180.0), (1, 60.0, 120.0), (1, 120.0, 240.0), (3, 200.0, 0.0)]
)
def test_remaining_time_has_the_pace_of_the_finished(measured: int, elapsed_s: float, left_s: float) -> None:
    assert ExpectedTime(0, (60.0, 60.0, 60.0)).remaining_s(measured, elapsed_s) == left_s
    assert ExpectedTime(0, None).remaining_s(measured, elapsed_s) is None


def test_results_without_times_are_ignored(tmp_path: Path) -> None:
    result = stored("dynamic@mirror=1")
    written(result, tmp_path)
    written(stored("int8-naive"), tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "result.json").write_text(json.dumps({"seconds": 3}))
    (found,) = earlier_runs([tmp_path])
    scored = [clip.seconds for clip in result.audio if clip.role == "score"]
    machine = f"{result.environment.cpu}, {result.environment.cores} cores"
    assert found == EarlierRun("dynamic@mirror=1", machine, sum(scored), 32, result.seconds)
