"""The figures of each size of call, from hand-made frames and times."""

import numpy as np
import pytest

from tests.helpers.frames import frames_of, paired
from workbench.measure.call_sizes import ONLY_ONE_SIZE, SizeFigures, over_sizes, size_figures, timed_sizes, with_times
from workbench.measure.speed import PairTimes
from workbench.measure.spread import Spread
from workbench.recipe.stream_config import StreamConfig

STREAM = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4)


TIMES_MS = np.array([[4.0, 8.0, 100.0], [8.0, 8.0, 6.0]])
TIMES = PairTimes(TIMES_MS, TIMES_MS / 4)


def figures(size: int, cents: float, voiced: bool = True, confidence: float = 0.625) -> SizeFigures:
    baseline, variant = frames_of([60] * 8, margin=0.5), frames_of([60 + cents / 100] * 8, confidence)
    return size_figures(size, STREAM, [paired(baseline, variant, voiced)], 0.5)


def test_size_figures_are_per_call_and_per_frame() -> None:
    got = with_times(figures(4, 12.5), TIMES)
    assert (got.frames_per_chunk, got.chunk_ms, got.frames, got.voiced_frames) == (4, 80, 8, 8)
    assert (got.p95_cents, got.max_cents, got.max_untied_cents, got.confidence_max) == (12.5, 12.5, 12.5, 0.125)
    assert (got.baseline_p50_ms, got.baseline_p50_ms_per_frame) == (8, 2)
    assert (got.variant_p50_ms, got.variant_p50_ms_per_frame) == (2, 0.5)
    assert got.speedup == Spread(p50=4, low=4, high=4)
    assert with_times(figures(2, 0, confidence=float("nan")), TIMES).null_reasons == {
        "confidence_max": "a confidence is not finite"
    }


def test_a_size_without_times_says_why_and_has_its_deviation() -> None:
    got = figures(3, 12.5)
    assert got.p95_cents == 12.5 and got.speedup is None
    timed = {name for name in SizeFigures.model_fields if name.endswith(("_ms", "_ms_per_frame")) or "speedup" in name}
    assert got.null_reasons.keys() == timed - {"chunk_ms"}


@pytest.mark.parametrize(
    ("sizes", "timed"), [(range(1, 33), [1, 2, 4, 8, 16, 32]), (range(3, 11), [3, 4, 8, 10]), (range(5, 6), [5])]
)
def test_the_ends_and_powers_of_two_are_timed(sizes: range, timed: list[int]) -> None:
    assert timed_sizes(sizes) == timed


def test_the_worst_is_over_all_sizes_if_each_has_a_figure() -> None:
    got = over_sizes([figures(1, 12.5), figures(2, 50), figures(3, 25)])
    assert (got.worst_p95_cents, got.worst_max_untied_cents) == (50, 50)
    got = over_sizes([figures(1, 12.5), figures(2, 0, voiced=False)])
    assert got.null_reasons == dict.fromkeys(ONLY_ONE_SIZE.null_reasons, "2 frames a call: no voiced frame")
