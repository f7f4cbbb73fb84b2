import pytest

from workbench.report.html.axis import LinearAxis, LogAxis


def test_axes_have_positions_and_round_ticks() -> None:
    axis = LogAxis(0.1, 1000)
    assert [axis.percent(value) for value in (0, 0.1, 10, 1000, 5000)] == [0, 0, 50, 100, 100]
    assert axis.ticks() == [(0, "0.1"), (25, "1"), (50, "10"), (75, "100"), (100, "1000")]
    assert LinearAxis(-10, 30).ticks() == [(0, "−10"), (25, "0"), (50, "10"), (75, "20"), (100, "30")]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (-0.209, 0.274, ["−0.2", "0", "0.2"]),
        (0, 100, ["0", "50", "100"]),
        (0, 1, ["0", "0.5", "1"]),
        (-0.6, 0.3, ["−0.5", "0"]),
        (0, 42, ["0", "20", "40"]),
    ],
)
def test_linear_axis_labels_are_round(low: float, high: float, labels: list[str]) -> None:
    assert [label for _, label in LinearAxis(low, high).ticks()] == labels


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.3, 20, ["0.5", "1", "2", "5", "10", "20"]),
        (1e-4, 1e4, ["0.0001", "0.001", "0.01", "0.1", "1", "10", "100", "1000", "10000"]),
    ],
)
def test_log_axis_has_2_and_5_if_it_is_short(low: float, high: float, labels: list[str]) -> None:
    assert [label for _, label in LogAxis(low, high).ticks()] == labels
