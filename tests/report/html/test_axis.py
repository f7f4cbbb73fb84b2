import pytest

from workbench.report.html.axis import LinearAxis, LogAxis


def test_axes_have_positions() -> None:
    axis = LogAxis(0.1, 1000)
    assert [axis.percent(value) for value in (0, 0.1, 10, 1000, 5000)] == [0, 0, 50, 100, 100]
    assert LinearAxis(-10, 30).ticks() == [(0, "−10"), (25, "0"), (50, "10"), (75, "20"), (100, "30")]


@pytest.mark.parametrize(
    ("axis", "labels"),
    [
        (LinearAxis(-0.209, 0.274), "−0.2 0 0.2"),
        (LinearAxis(0, 1), "0 0.5 1"),
        (LinearAxis(-0.6, 0.3), "−0.5 0"),
        (LinearAxis(0, 42), "0 20 40"),
        (LogAxis(0.3, 20), "0.5 1 2 5 10 20"),
        (LogAxis(1e-4, 1e4), "0.0001 0.001 0.01 0.1 1 10 100 1000 10000"),
    ],
)
def test_axis_labels_are_round(axis: LinearAxis | LogAxis, labels: str) -> None:
    assert " ".join(label for _, label in axis.ticks()) == labels
