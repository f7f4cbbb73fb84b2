"""The figures of each size of call, from hand-made frames and times."""

import numpy as np

from tests.helpers.frames import frames_of, paired
from workbench.measure.call_sizes import ONLY_ONE_SIZE, SizeFigures, over_sizes, size_figures
from workbench.measure.speed import PairTimes
from workbench.recipe.stream_config import StreamConfig

STREAM = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4)


def figures(size: int, cents: float, voiced: bool = True, confidence: float = 0.625) -> SizeFigures:
    baseline, variant = frames_of([60] * 8, margin=0.5), frames_of([60 + cents / 100] * 8, confidence)
    times_ms = np.array([[4.0, 8.0, 100.0], [8.0, 8.0, 6.0]])
    return size_figures(size, STREAM, [paired(baseline, variant, voiced)], 0.5, PairTimes(times_ms, times_ms / 4))


def test_size_figures_are_per_call_and_per_frame() -> None:
    got = figures(4, 12.5)
    assert (got.frames_per_chunk, got.chunk_ms, got.frames, got.voiced_frames) == (4, 80, 8, 8)
    assert (got.p95_cents, got.max_cents, got.max_untied_cents, got.confidence_max) == (12.5, 12.5, 12.5, 0.125)
    assert (got.baseline_p50_ms, got.baseline_p50_ms_per_frame) == (8, 2)
    assert (got.variant_p50_ms, got.variant_p50_ms_per_frame) == (2, 0.5)
    assert (got.speedup.low, got.speedup.p50, got.speedup.high) == (4, 4, 4)
    assert figures(2, 0, confidence=float("nan")).null_reasons == {"confidence_max": "a confidence is not finite"}


def test_the_worst_is_over_all_sizes_if_each_has_a_figure() -> None:
    got = over_sizes([figures(1, 12.5), figures(2, 50), figures(3, 25)])
    assert (got.worst_p95_cents, got.worst_max_untied_cents) == (50, 50)
    got = over_sizes([figures(1, 12.5), figures(2, 0, voiced=False)])
    assert got.null_reasons == dict.fromkeys(ONLY_ONE_SIZE.null_reasons, "2 frames a call: no voiced frame")
