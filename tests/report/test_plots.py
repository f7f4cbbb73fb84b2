"""What the pictures show, read from the lines that matplotlib was given."""

import io
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.lines import Line2D
from matplotlib.text import Text

from tests.helpers.frames import frames_of, paired
from tests.helpers.records.results import stored, without_pitch
from tests.helpers.records.soak import soak_of, soak_segment
from tests.helpers.records.sweep_points import NO_DELAY, failed_point, measured_point, setting, sweep_of
from workbench.records.bench import Bench
from workbench.records.profile import Profile
from workbench.records.sweep import SweepPoint
from workbench.report.plots.bench import bench_png
from workbench.report.plots.contours import contour_png, track_png
from workbench.report.plots.profile import profile_png
from workbench.report.plots.soak import soak_png
from workbench.report.plots.sweep import sweep_png
from workbench.runtime.session import Frames

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
VOICED = np.array([False, True, True, False, True])
TIMES_S = np.arange(1, 6) * 0.02
NAN = float("nan")
pytestmark = pytest.mark.filterwarnings("error")


BASELINE = frames_of([40, 60, 61, 90, 62], [0.1, 0.9, 0.8, 0.2, 0.7])
VARIANT = frames_of([45, 60.25, 61, 20, 61.5], [0.1, 0.9, 0.7, 0.3, 0.6])
NOT_FINITE = frames_of([NAN, np.inf, 61, 20, NAN], [NAN, 0.9, 0.7, 0.3, 0.6])


def contour(voiced: np.ndarray = VOICED, variant: Frames = VARIANT, **options: Any) -> bytes:
    return contour_png(paired(BASELINE, variant, voiced), TIMES_S, "float: sung/a", 0.5, **options)


def track(threshold: float = 0.5, title: str = "a.wav", count: int = 5) -> bytes:
    return track_png(TIMES_S[:count], BASELINE.pitch_semitones[:count], BASELINE.confidence[:count], title, threshold)


UNVOICED_SEGMENT = soak_segment(2, pitch=without_pitch(stored().deviation).pitch)
PICTURES: dict[str, Callable[[Bench, Profile], bytes]] = {
    "contour": lambda *_: contour(),
    "contour, not finite": lambda *_: contour(variant=NOT_FINITE),
    "track": lambda *_: track(),
    "track, one frame": lambda *_: track(0.0, count=1),
    "bench": lambda bench, _: bench_png(bench),
    "profile": lambda _, profile: profile_png(profile),
    "soak": lambda *_: soak_png(soak_of(soak_segment(1), UNVOICED_SEGMENT)),
    "sweep": lambda *_: sweep_png(sweep_of(measured_point())),
    "sweep, nothing measured": lambda *_: sweep_png(sweep_of(SweepPoint.refused(setting(), "no"))),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_a_png_drawn_without_pyplot(
    name: str, bench: Bench, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyplot would register the figure in the process, and keep it until it is closed."""
    monkeypatch.setattr(plt, "figure", pytest.fail)
    content = PICTURES[name](bench, profile)
    assert content.startswith(PNG_SIGNATURE) and content.endswith(b"IEND\xaeB`\x82")
    pixels = imread(io.BytesIO(content))
    assert pixels.shape[0] > 300 and pixels.shape[1] > 600
    assert pixels.std() > 0


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures in the order in which they are encoded."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    return figures


def ys(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata(), float)


# --- contours


def test_contour_draws_both_sides_in_voiced_frames(drawn: list[Figure]) -> None:
    contour()
    pitch, confidence, deviation = drawn[0].axes
    baseline, variant = pitch.lines
    assert not pitch.texts
    np.testing.assert_allclose(ys(baseline), [NAN, 60, 61, NAN, 62])
    np.testing.assert_allclose(ys(variant), [NAN, 60.25, 61, NAN, 61.5])
    assert list(baseline.get_xdata()) == list(variant.get_xdata()) == list(TIMES_S)
    assert [line.get_label() for line in (baseline, variant)] == ["baseline (upstream, eager)", "variant (program)"]
    assert baseline.get_color() != variant.get_color()
    np.testing.assert_allclose(ys(deviation.lines[1]), [NAN, 25, 0, NAN, -50])  # cents: variant minus baseline
    assert deviation.get_xlabel() == "time (s); 3 of 5 frames are voiced, by known f0"
    for line, expected in zip(confidence.lines, (BASELINE.confidence, VARIANT.confidence, [0.5, 0.5]), strict=True):
        np.testing.assert_array_equal(ys(line), expected)


def test_contour_draws_known_f0_and_hides_pitch_below_a_confidence(drawn: list[Figure]) -> None:
    known = np.array([NAN, 60, 61, NAN, 62])
    contour(known_semitones=known, shown_from=0.7)
    pitch, confidence, deviation = drawn[0].axes
    assert pitch.lines[0].get_label() == "known f0"
    for line, expected in zip(pitch.lines, (known, known, [NAN, 60.25, 61, NAN, NAN]), strict=True):
        np.testing.assert_array_equal(ys(line), expected)
    np.testing.assert_allclose(ys(deviation.lines[1]), [NAN, 25, 0, NAN, -50])  # no deviation is hidden
    assert [line.get_ydata()[0] for line in confidence.lines[2:]] == [0.5, 0.7]


def test_contour_without_voiced_frames_has_a_text(drawn: list[Figure]) -> None:
    contour(np.zeros(5, bool))
    pitch, _, deviation = drawn[0].axes
    assert [text.get_text() for text in pitch.texts] == ["no voiced frame"]
    assert all(np.isnan(ys(line)).all() for line in (*pitch.lines, deviation.lines[1]))


@pytest.mark.parametrize(
    ("threshold", "pitch", "texts"),
    [(0.9, [NAN, 60, NAN, NAN, NAN], []), (1.0, [NAN] * 5, ["no voiced frame"])],
)
def test_track_draws_pitch_from_the_threshold_on(
    threshold: float, pitch: list[float], texts: list[str], drawn: list[Figure]
) -> None:
    track(float(np.float32(threshold)))
    above, below = drawn[0].axes
    np.testing.assert_allclose(ys(above.lines[0]), pitch)
    assert [text.get_text() for text in above.texts] == texts
    np.testing.assert_array_equal(ys(below.lines[0]), BASELINE.confidence)
    assert below.get_xlabel() == f"time (s); drawn as pitch where confidence is {threshold:g} or more"


def test_file_name_with_dollars_is_not_a_formula(drawn: list[Figure]) -> None:
    track(title="cost$_^$")
    title = next(text for text in drawn[0].findobj(Text) if text.get_text() == "cost$_^$")
    assert not title.get_parse_math()


# --- sweep


def panel_ys(figure: Figure, panel: int) -> list[list[float]]:
    return [ys(line).tolist() for line in figure.axes[panel].lines]


def test_sweep_has_a_row_for_each_rate_and_a_line_for_each_mirror(drawn: list[Figure]) -> None:
    grid = [
        measured_point(chunk, mirror, rate) for rate in (16_000, 48_000) for mirror in (0, 1) for chunk in (960, 480)
    ]
    sweep_png(sweep_of(*grid))
    (figure,) = drawn
    assert len(figure.axes) == 2 * 5
    assert [figure.axes[panel].get_ylabel() for panel in (0, 5)] == ["16000 Hz", "48000 Hz"]
    delay = panel_ys(figure, 7)
    assert len(delay) == 2 * 4  # baseline, variant, geometry and what was not measured, for each mirror
    algorithmic_ms = stored().latency.algorithmic_ms
    assert delay[:4] == [[40, 40], [40, 40], [algorithmic_ms + 5, algorithmic_ms + 10], []]  # half of 10 and 20 ms
    factor = panel_ys(figure, 9)[0]
    assert factor[0] == pytest.approx(2 * factor[1])
    labels = [text.get_text().split("\n") for text in figure.axes[5].get_xticklabels()]
    assert labels == [["480", "10 ms"], ["960", "20 ms"]]


def test_sweep_draws_a_cross_for_a_point_that_was_refused(drawn: list[Figure]) -> None:
    sweep_png(sweep_of(measured_point(chunk=480, delay=NO_DELAY), SweepPoint.refused(setting(), "no")))
    baseline, variant, geometry, crosses = panel_ys(drawn[0], 2)
    assert baseline == pytest.approx([40, NAN], nan_ok=True)
    assert np.isnan(variant).all()
    assert np.isnan(geometry).tolist() == [False, True]
    assert crosses == [0.03]
    assert drawn[0].axes[2].lines[3].get_xdata().tolist() == [960]


@pytest.mark.parametrize(("protocol", "unfair"), [("continuous", False), ("baseline-reset-per-chunk", True)])
def test_sweep_shows_missing_figures_and_an_unfair_protocol(protocol: str, unfair: bool, drawn: list[Figure]) -> None:
    sweep_png(sweep_of(failed_point(), measured_point(rate=16_000), protocol=protocol))
    assert [[text.get_text() for text in axes.texts] for axes in drawn[0].axes] == [["no figure"]] * 5 + [[]] * 5
    assert drawn[0].get_suptitle().startswith("UNFAIR: ") == unfair
