"""The figures of made-up times, and what is claimed of them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.helpers.records.bench import VOICED, contender_figures, flat
from workbench.measure.bench.claim import speed_ratio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "program.pte"
    path.write_bytes(b"12345")
    return path


@pytest.mark.parametrize(
    ("ratios", "low", "high", "outcome"),
    [
        ([0.5, 0.9, *([1.5] * 9)], 0.9, 1.5, "inconclusive"),  # of eleven rounds, the 10th percentile is the second
        ([0.5, *([2.0] * 10)], 2, 2, "faster"),  # a single round does not make it inconclusive
        ([1.0] * 3, 1, 1, "inconclusive"),
        ([4.0, 4.0, *([8.0] * 9)], 4, 8, "faster"),  # a factor of 2 is allowed
        ([3.9, 3.9, *([8.0] * 9)], 3.9, 8, "inconclusive"),
        ([0.25, 0.25, *([0.5] * 9)], 0.25, 0.5, "slower"),
    ],
)
def test_speed_ratio_outcome(ratios: list[float], low: float, high: float, outcome: str) -> None:
    found = speed_ratio(flat([1.0] * len(ratios)), flat(ratios))
    assert (found.low, found.high, found.outcome) == (low, high, outcome)


def test_figures_of_every_contender(file: Path) -> None:
    found = contender_figures(file, {"eager": [4, 8, 4], "fast": [1, 2, 1], "slow": [8, 16, 8]}, {"fast": 3.0})
    eager, fast, slow = found.values()
    assert [(each.claim, each.why) for each in found.values()] == [("baseline", ""), ("faster", ""), ("slower", "")]
    assert {name: ratio.p50 for name, ratio in fast.ratios.items()} == {"eager": 4, "slow": 8}
    assert {name: ratio.p50 for name, ratio in eager.ratios.items()} == {"fast": 0.25, "slow": 2}
    assert eager.pitch is None and "pitch" in eager.null_reasons
    assert fast.pitch.p95_cents == pytest.approx(3, abs=1e-3)
    assert (fast.frames, fast.voiced_frames, slow.voiced_frames) == (200, VOICED, VOICED)
    assert (fast.latency.p50_ms, fast.latency.p90_ms, fast.latency.max_ms) == (1, 2, 2)
    assert (fast.real_time_factor, fast.round_p50_ms) == (0.05, (1, 2, 1))
    assert (fast.percentiles_ms[0], fast.percentiles_ms[50], fast.percentiles_ms[100]) == (1, 1, 2)
    assert (fast.under_load.p50_ms, fast.under_load.missed, fast.under_load.miss_rate) == (11, 1, 0.25)
    assert (fast.load_ms, fast.first_step_ms) == (30, 4)
    assert (fast.bytes, fast.sha256) == (5, hashlib.sha256(b"12345").hexdigest())
    assert (fast.peak_rss_bytes, fast.load_rss_bytes) == (500_000_000, 20_000_000)


def test_native_figures_of_a_contender(file: Path) -> None:
    rounds = {"eager": [4, 8, 4], "fast": [1, 2, 1]}
    found = contender_figures(file, rounds, native={"fast": [0.5, 25, 0.4]})
    eager, fast = found["eager"], found["fast"]
    assert (eager.native, eager.null_reasons["native"], eager.native_percentiles_us) == (None, "no compiler", ())
    native = fast.native
    assert native is not None
    assert (native.p50_us, native.max_us, native.speedup_p50) == (500, 25_000, 8)  # 4 / 0.5, 8 / 25 and 4 / 0.4
    assert native.deadline_miss_rate == pytest.approx(1 / 3)  # a call is due every 20 ms
    assert (native.load_ms, native.first_call_us, native.peak_rss_bytes) == (5, 900, 11_000_000)
    assert native.allocations_per_call == 0.5
    assert [fast.native_percentiles_us[percent] for percent in (0, 50, 100)] == [400, 500, 25_000]


@pytest.mark.parametrize(
    ("ms", "cents", "voiced", "claim", "reason"),
    [
        ([1] * 11, 49.0, VOICED, "faster", ""),
        ([1] * 11, 1200.0, VOICED, "wrong", "its pitch deviates from eager by 1200 cents"),
        ([1] * 11, float("nan"), VOICED, "wrong", "120 of 120 voiced frames have no finite pitch in the variant"),
        ([1] * 11, 0.0, 100, "faster", ""),
        ([1] * 11, 0.0, 99, "inconclusive", "only 99 voiced frames (at least 100 required)"),
        ([1] * 11, 99.0, 99, "wrong", "its pitch deviates from eager by 99 cents"),
        ([1] * 11, 0.0, 0, "inconclusive", "no voiced frame"),
        ([8, 8, *([2] * 9)], 0.0, VOICED, "inconclusive", "its speedup over eager ranges from 0.50 to 2.00"),
    ],
)
def test_a_claim_requires_a_right_pitch_and_clear_rounds(
    file: Path, ms: Sequence[float], cents: float, voiced: int, claim: str, reason: str
) -> None:
    found = contender_figures(file, {"eager": [4] * 11, "other": ms}, {"other": cents}, voiced)["other"]
    assert found.claim == claim
    assert found.why.startswith(reason) and bool(found.why) == bool(reason)
