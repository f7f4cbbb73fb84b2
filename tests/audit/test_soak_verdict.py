"""The verdict of a soak from its segments."""

import pytest

from tests.helpers.records.results import replaced
from tests.helpers.records.soak import soak_of, soak_segment
from workbench.audit.soak_verdict import judge_soak
from workbench.measure.soak import SoakSegment
from workbench.recipe import Gate
from workbench.records.soak import Soak

GATES = (Gate("deviation.pitch.max_cents", "<=", 400), Gate("deviation.confidence.max", "<=", 0.1))


def soak(last: SoakSegment | None = None, ended: str = "") -> Soak:
    """Four segments of which the last is given."""
    return soak_of(soak_segment(1), soak_segment(2), soak_segment(3), last or soak_segment(4)).replace(ended=ended)


def test_judge_soak_by_the_slowest_calls() -> None:
    segments = [
        soak_segment(until_s, variant_p99_ms=ms) for until_s, ms in enumerate((2.0, 9.0, 2.0, 4.0, 4.0, 2.0), 1)
    ]
    judged = judge_soak(soak().replace(stretches=segments), GATES, 40)
    assert judged.verdict == "inconclusive" and "slowest 1% of the calls took 2.00 times as long" in judged.reasons[0]
    assert judge_soak(soak().replace(stretches=segments[:4]), GATES, 40).verdict == "pass"
    earlier = soak_segment(1).model_dump(exclude={"variant_p99_ms"})
    assert judge_soak(soak().replace(stretches=(SoakSegment(**earlier),) * 4), GATES, 40).verdict == "pass"


def with_pitch(max_cents: float | None, reason: str = "") -> SoakSegment:
    pitch = replaced(soak_segment(4).pitch, "max_cents", max_cents)
    return soak_segment(
        4,
        pitch=pitch.model_copy(update={"null_reasons": pitch.null_reasons | ({"max_cents": reason} if reason else {})}),
    )


def test_judge_soak_within_all_limits_passes() -> None:
    judged = judge_soak(soak(), GATES, 40)
    assert (judged.verdict, judged.reasons) == ("pass", ())
    assert judged.replace(verdict="inconclusive") == soak()


NO_CONFIDENCE = soak_segment(4, confidence_max=None, null_reasons={"confidence_max": "not finite"})
SLOWDOWN = "calls took 2.00 times as long at the end as at the start; run again on an idle machine"
BASELINE_NAN = soak_segment(4, baseline_nonfinite_frames=3)


@pytest.mark.parametrize(
    ("last", "verdict", "reason"),
    [
        (with_pitch(500.0), "fail", "until 4 s: deviation.pitch.max_cents is 500 (limit <= 400)"),
        (soak_segment(4, confidence_max=0.5), "fail", "until 4 s: deviation.confidence.max is 0.5 (limit <= 0.1)"),
        (soak_segment(4, real_time_factor=1.25), "fail", "until 4 s: a call takes 1.25 times as long as its audio"),
        (soak_segment(4, nonfinite_frames=3), "fail", "until 4 s: 3 of 12 frames are not finite"),
        (
            soak_segment(4, resident_bytes=550),
            "fail",
            "the process grew by 10.0% after the first segment (at most 2% allowed)",
        ),
        (with_pitch(None, "no voice"), "inconclusive", "until 4 s: deviation.pitch.max_cents has no value: no voice"),
        (NO_CONFIDENCE, "inconclusive", "until 4 s: deviation.confidence.max has no value: not finite"),
        (BASELINE_NAN, "inconclusive", "until 4 s: 3 of 12 baseline frames are not finite"),
        (soak_segment(4, variant_p50_ms=2.0), "inconclusive", SLOWDOWN),
        (soak_segment(4, voiced_frames=9), "inconclusive", "only 39 voiced frames (at least 40 required)"),
    ],
)
def test_judge_soak_by_a_bad_segment(last: SoakSegment, verdict: str, reason: str) -> None:
    judged = judge_soak(soak(last), GATES, 40)
    assert (judged.verdict, judged.reasons) == (verdict, (reason,))


def test_judge_soak_that_ended_early_fails() -> None:
    assert judge_soak(soak(ended="the program crashed"), GATES, 40).reasons == ("the program crashed",)


def test_judge_soak_without_a_pitch_gate_is_inconclusive() -> None:
    judged = judge_soak(soak(), GATES[1:], 40)
    assert judged.verdict == "inconclusive" and "no gate on pitch deviation" in judged.reasons[0]
