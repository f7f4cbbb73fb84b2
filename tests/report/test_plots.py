"""What the pictures draw, read from the lines that matplotlib was given."""

import io
from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workbench.measure.deviation import PairedFrames
from workbench.report.plots import contours as pictures
from workbench.report.plots.contours import contour_png, track_png
from workbench.runtime.session import Frames

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
VOICED = np.array([False, True, True, False, True])
TIMES_S = np.arange(1, 6) * 0.02
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """The figures as they were about to be stored, kept open until the test has looked at them."""
    figures: list[Figure] = []
    monkeypatch.setattr(pictures, "png", figures.append)
    yield figures
    for figure in figures:
        plt.close(figure)


def frames(pitch: list[float], confidence: list[float]) -> Frames:
    return Frames(np.array(pitch, np.float32), np.array(confidence, np.float32), np.ones(len(pitch), np.float32))


BASELINE = frames([40, 60, 61, 90, 62], [0.1, 0.9, 0.8, 0.2, 0.7])
VARIANT = frames([45, 60.25, 61, 20, 61.5], [0.1, 0.9, 0.7, 0.3, 0.6])


def contour(voiced: np.ndarray = VOICED, known: np.ndarray | None = None) -> bytes:
    rolls = PairedFrames("sung/a", BASELINE, VARIANT, voiced, "known f0")
    return contour_png(rolls, TIMES_S, "float: sung/a", 0.5, known)


def track(threshold: float = 0.5) -> bytes:
    return track_png(TIMES_S, BASELINE.pitch_semitones, BASELINE.confidence, "a.wav", threshold)


def ys(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata(), float)


@pytest.mark.parametrize("draw", [contour, track, lambda: contour(np.zeros(5, bool)), lambda: track(1.0)])
def test_a_picture_is_a_png_that_can_be_read_and_its_figure_is_let_go(draw: Callable[[], bytes]) -> None:
    before = plt.get_fignums()
    content = draw()
    assert content.startswith(PNG_SIGNATURE) and content.endswith(b"IEND\xaeB`\x82")
    pixels = plt.imread(io.BytesIO(content))
    assert pixels.shape[0] > 300 and pixels.shape[1] > 600
    assert pixels.std() > 0
    assert plt.get_fignums() == before


def test_only_voiced_frames_are_drawn_as_pitch(drawn: list[Figure]) -> None:
    contour()
    baseline, variant = drawn[0].axes[0].lines
    assert ys(baseline) == pytest.approx([np.nan, 60, 61, np.nan, 62], nan_ok=True)
    assert ys(variant) == pytest.approx([np.nan, 60.25, 61, np.nan, 61.5], nan_ok=True)
    assert list(baseline.get_xdata()) == list(variant.get_xdata()) == list(TIMES_S)
    assert [line.get_label() for line in (baseline, variant)] == ["baseline (upstream, eager)", "variant (program)"]
    assert baseline.get_color() != variant.get_color()


def test_the_deviation_is_variant_less_baseline_in_cents_where_voiced(drawn: list[Figure]) -> None:
    contour()
    axes = drawn[0].axes[2]
    assert ys(axes.lines[1]) == pytest.approx([np.nan, 25, 0, np.nan, -50], nan_ok=True)
    assert axes.get_xlabel() == "time (s); 3 of 5 frames are voiced, by known f0"


def test_confidence_is_drawn_everywhere_with_its_threshold(drawn: list[Figure]) -> None:
    contour()
    baseline, variant, threshold = drawn[0].axes[1].lines
    assert ys(baseline) == pytest.approx(BASELINE.confidence)
    assert ys(variant) == pytest.approx(VARIANT.confidence)
    assert set(ys(threshold)) == {0.5}


def test_the_known_f0_lies_below_both_where_there_is_one(drawn: list[Figure]) -> None:
    known = np.array([np.nan, 60, 61, np.nan, 62])
    contour(known=known)
    first = drawn[0].axes[0].lines[0]
    assert first.get_label() == "known f0"
    assert ys(first) == pytest.approx(known, nan_ok=True)


def test_no_voiced_frame_is_said_and_nothing_drawn_as_pitch(drawn: list[Figure]) -> None:
    contour(np.zeros(5, bool))
    pitch, _, deviation = drawn[0].axes
    assert [text.get_text() for text in pitch.texts] == ["no voiced frame"]
    assert all(np.isnan(ys(line)).all() for line in (*pitch.lines, deviation.lines[1]))


def test_voiced_frames_are_not_called_missing(drawn: list[Figure]) -> None:
    contour()
    track()
    assert [list(figure.axes[0].texts) for figure in drawn] == [[], []]


def test_a_track_draws_pitch_from_the_threshold_on(drawn: list[Figure]) -> None:
    track(threshold=0.75)
    pitch, confidence = drawn[0].axes
    assert ys(pitch.lines[0]) == pytest.approx([np.nan, 60, 61, np.nan, np.nan], nan_ok=True)
    assert ys(confidence.lines[0]) == pytest.approx(BASELINE.confidence)
    assert confidence.get_xlabel() == "time (s); drawn as pitch where confidence is 0.75 or more"
    assert pitch.get_title(loc="left") == "a.wav"


def test_a_frame_exactly_at_the_threshold_is_drawn(drawn: list[Figure]) -> None:
    track_png(TIMES_S[:2], np.array([60.0, 62.0]), np.array([0.5, 0.25]), "a.wav", 0.5)
    assert ys(drawn[0].axes[0].lines[0]) == pytest.approx([60, np.nan], nan_ok=True)


def test_a_track_without_a_voiced_frame_says_so(drawn: list[Figure]) -> None:
    track(threshold=1.0)
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["no voiced frame"]
    assert np.isnan(ys(drawn[0].axes[0].lines[0])).all()


def test_pitches_that_are_not_finite_are_left_out_and_the_picture_is_made() -> None:
    broken = frames([np.nan, np.inf, 61, 20, np.nan], [np.nan, 0.9, 0.7, 0.3, 0.6])
    rolls = PairedFrames("sung/a", BASELINE, broken, VOICED, "known f0")
    assert contour_png(rolls, TIMES_S, "float: sung/a", 0.5).startswith(PNG_SIGNATURE)


def test_one_frame_is_enough() -> None:
    assert track_png(np.array([0.02]), np.array([60.0]), np.array([0.9]), "a.wav", 0.5).startswith(PNG_SIGNATURE)


@pytest.mark.parametrize("name", ["take $1 and $2", "cost$_^$"])
def test_a_users_file_name_is_text_and_not_mathematics(name: str, drawn: list[Figure]) -> None:
    track_png(TIMES_S, BASELINE.pitch_semitones, BASELINE.confidence, name, 0.5)
    title = next(child for child in drawn[0].axes[0].get_children() if getattr(child, "get_text", str)() == name)
    assert not title.get_parse_math()


def test_a_confidence_filter_takes_pitch_out_of_the_picture_and_nothing_out_of_the_deviation(
    drawn: list[Figure],
) -> None:
    rolls = PairedFrames("sung/a", BASELINE, VARIANT, VOICED, "known f0")
    for shown_from in (None, 0.7):
        contour_png(rolls, TIMES_S, "float: sung/a", 0.5, None, shown_from)
    plain, filtered = ([axes.get_lines() for axes in figure.axes] for figure in drawn)
    baseline, variant = map(ys, filtered[0])
    np.testing.assert_array_equal(baseline, [np.nan, 60, 61, np.nan, 62])
    np.testing.assert_array_equal(variant, [np.nan, 60.25, 61, np.nan, np.nan])
    np.testing.assert_array_equal(ys(plain[2][1]), ys(filtered[2][1]))
    assert [line.get_ydata()[0] for line in filtered[1][2:]] == [0.5, 0.7]
    assert len(plain[1]) == 3
