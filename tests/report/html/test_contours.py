import numpy as np

from tests.helpers.records.report_run import FRAMES, frames_of
from workbench.report.html.contours import histogram


def test_histogram_counts_every_voiced_frame_once() -> None:
    found = histogram([frames_of("a", {10: 0.5, 30: 2e9, 40: float("nan")})])
    assert found.frames == FRAMES - 5
    assert found.equal + sum(found.counts) == found.frames
    assert found.counts[-1] == 2
    at = int(np.flatnonzero(found.counts)[0])
    low = 1e-4 * 10 ** (at / 4)
    assert low <= 0.5 < low * 10**0.25
    assert histogram([]) is None
