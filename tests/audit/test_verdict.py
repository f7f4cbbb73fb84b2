"""The verdict of a result and its reasons."""

import pytest

from tests.helpers.records.results import lost, natively, replaced, stored, without_pitch, without_scores
from workbench.audit.verdict import confirm_pass, judge_result, rejudge
from workbench.errors import WorkbenchError
from workbench.measure.contour import Contour
from workbench.recipe import Gate
from workbench.record_model import NOT_STATED
from workbench.records.result import Result
from workbench.runtime.state_protocol import protocol_of

RESULT = stored(
    deviation__pitch__p95_cents=0.005,
    program__bytes=17_000_001,
    speed__speedup_low=4.75,
    speed__speedup_p50=5.417,
    speed__speedup_high=6.35,
)
assert RESULT.deviation and RESULT.contour.variant and RESULT.truth and RESULT.truth.variant
PITCH_GATE = Gate("deviation.pitch.p95_cents", "<=", 1)
SPEEDUP = Gate("speed.speedup_p50", ">=", 5)
FALSE_ALARM = Gate("truth.variant.voicing_false_alarm", "<=", 0.1)
UNGATED = "the recipe has no gate on pitch deviation; add one, for example deviation.pitch.p95_cents: <= 1"
STILL = RESULT.contour.variant.replace(low_semitones=50.0, middle_semitones=50.0, high_semitones=50.4, confidence=0.1)
FLAT = RESULT.replace(contour=Contour(baseline=RESULT.contour.baseline, variant=STILL))
UNFAIR = RESULT.replace(protocol=protocol_of("variant-reset-per-chunk"))
FEW_VOICED = replaced(RESULT, "deviation.voiced_frames", 99)
BASELINE_NAN = replaced(RESULT, "deviation.baseline_nonfinite_frames", 2)
TOO_LARGE = Gate("program.bytes", "<=", 17_000_000)
TIMING = (
    "timing is inconclusive: speedup ranges from 4.5 to 10.1 (10th to 90th percentile; at most a factor of 2 allowed); "
    "run again on an idle machine, only timing is repeated"
)
CONSTANT = (
    "the streaming state was folded into a constant (ring: 9 zeros), so each call sees only its own audio; export with "
    "state: explicit"
)
PROTOCOLS = (
    "UNFAIR: baseline continuous, variant reset-per-chunk; the two sides ran under different state protocols, so the "
    "metrics are not comparable"
)
WITHIN_SPREAD = (
    "speed.speedup_p50 is 5.417 (limit >= 5), but the limit is within the 10th to 90th percentile of its rounds "
    "(4.75 to 6.35); time with more rounds, or on an idle machine"
)
NOT_FINITE = "2 of 3619 baseline frames are not finite; check the audio and the checkpoint"
ACCURACY = (
    "the baseline's raw pitch accuracy is 49.0% on 100 voiced frames of annotated f0 (at least 50% required); check "
    "the known f0, and that the audio is monophonic"
)
NO_FALSE_ALARM = RESULT.truth.variant.replace(
    voicing_false_alarm=None, null_reasons={"voicing_false_alarm": "every frame is voiced"}
)


def judge(result: Result, *gates: Gate) -> tuple[str, tuple[str, ...]]:
    judged = judge_result(result, gates or (PITCH_GATE,), 100)
    return judged.verdict, judged.reasons


def test_judge_result_changes_only_gates_verdict_and_reasons() -> None:
    judged = judge_result(RESULT, (PITCH_GATE, Gate("speed.speedup_low", ">=", 4)), 2829)
    assert (judged.verdict, judged.reasons) == ("pass", ())
    assert [gate.passed for gate in judged.gates] == [True, True]
    keys = {"gates", "verdict", "reasons"}
    assert judged.model_dump(exclude=keys) == RESULT.model_dump(exclude=keys)


SPREAD = stored(speed__speedup_low=4.5, speed__speedup_high=10.125)
NATIVE = Gate("speed.native.p99_us", "<=", 150)
MOSTLY_WRONG = stored(truth__baseline__rpa50=0.49, truth__voiced_frames=100)
NO_FRAME = RESULT.replace(deviation=None, null_reasons={"deviation": "no frame"})
ELSEWHERE = RESULT.replace(program=None, null_reasons={"program": "elsewhere"})
ALL_VOICED = replaced(RESULT, "truth.variant", NO_FALSE_ALARM)
UNTRUE = RESULT.replace(truth=None, null_reasons={"truth": "no known f0"})
FROZEN = replaced(RESULT, "program.frozen", ("ring: 9 zeros",))


@pytest.mark.parametrize(
    ("result", "gates", "verdict", "reason"),
    [
        (lost(RESULT, "it crashed"), (), "fail", "it crashed"),
        (NO_FRAME, (), "fail", "no frame"),
        (replaced(RESULT, "deviation.nonfinite_frames", 2), (), "fail", "2 of 3619 frames are not finite"),
        (FROZEN, (), "fail", CONSTANT),
        (FLAT, (), "fail", FLAT.contour.flat_reason),
        (UNFAIR, (), "fail", PROTOCOLS),
        (FEW_VOICED, (), "inconclusive", "only 99 voiced frames (at least 100 required)"),
        (BASELINE_NAN, (), "inconclusive", NOT_FINITE),
        (SPREAD, (), "inconclusive", TIMING),
        (natively(RESULT, 7.29, 2.81), (), "inconclusive", TIMING.replace("4.5", "4.48")),
        (natively(RESULT, 10.0), (NATIVE,), "fail", "speed.native.p99_us is 200 (limit <= 150)"),
        (RESULT, (NATIVE,), "inconclusive", f"speed.native.p99_us has no value: {NOT_STATED}"),
        (MOSTLY_WRONG, (), "inconclusive", ACCURACY),
        (without_scores(RESULT, "no such backend"), (), "inconclusive", "no such backend"),
        (RESULT.replace(program_in_doubt="another program"), (), "inconclusive", "another program"),
        (ELSEWHERE, (), "inconclusive", "elsewhere"),
        (ALL_VOICED, (FALSE_ALARM,), "inconclusive", f"{FALSE_ALARM.metric} has no value: every frame is voiced"),
        (UNTRUE, (FALSE_ALARM,), "inconclusive", f"{FALSE_ALARM.metric} has no value: no known f0"),
        (RESULT, (SPEEDUP,), "inconclusive", WITHIN_SPREAD),
        (RESULT, (TOO_LARGE,), "fail", "program.bytes is 17000001 (limit <= 17000000)"),
    ],
)
def test_judge_result_has_one_reason(result: Result, gates: tuple[Gate, ...], verdict: str, reason: str) -> None:
    assert judge(result, PITCH_GATE, *gates) == (verdict, (reason,))


@pytest.mark.parametrize(
    "result",
    [
        replaced(RESULT, "deviation.voiced_frames", 100),
        stored(speed__speedup_low=4.5, speed__speedup_high=9.0),
        stored(truth__baseline__rpa50=0.5, truth__voiced_frames=100),
        stored(truth__baseline__rpa50=0.1, truth__voiced_frames=99),  # too few to doubt the annotations
        RESULT.replace(protocol=protocol_of("reset-per-chunk")),  # both sides: fair
    ],
)
def test_judge_result_at_the_limit_passes(result: Result) -> None:
    assert judge(result) == ("pass", ())


@pytest.mark.parametrize(
    "gates",
    [
        (Gate("program.bytes", "<=", 10**9), Gate("speed.speedup_p50", ">=", 1)),
        (Gate("deviation.pitch.bias_cents", "<=", 1), Gate("deviation.pitch.p95_cents", ">=", 0)),  # signed; lower
    ],
)
def test_result_without_an_upper_pitch_limit_never_passes(gates: tuple[Gate, ...]) -> None:
    assert judge(RESULT, *gates) == ("inconclusive", (UNGATED,))
    assert judge_result(RESULT, (), 100).reasons == (UNGATED,)


def test_failures_come_before_doubts() -> None:
    assert RESULT.deviation is not None
    deviation = without_pitch(RESULT.deviation).replace(nonfinite_frames=1)
    gates = (Gate("deviation.pitch.max_cents", "<=", 1), Gate("speed.threads", "<=", 0), TOO_LARGE)
    assert judge(RESULT.replace(deviation=deviation), *gates) == (
        "fail",
        (
            "1 of 3619 frames are not finite",
            "speed.threads is 1 (limit <= 0)",
            "program.bytes is 17000001 (limit <= 17000000)",
            "deviation.pitch.max_cents has no value: no voiced frame",
            "only 0 voiced frames (at least 100 required)",
        ),
    )
    not_run = without_scores(RESULT, "no such backend")
    reasons = ("program.bytes is 17000001 (limit <= 1)", "no such backend")
    assert judge(not_run, Gate("program.bytes", "<=", 1), Gate("speed.speedup_low", ">=", 2)) == ("fail", reasons)


def test_rejudge_overrides_the_gates_of_the_recipe() -> None:
    assert rejudge(RESULT, {}).verdict == "pass"
    assert rejudge(RESULT, {"program.bytes": "<= 10"}).verdict == "fail"
    strict = replaced(RESULT, "recipe.resolved.gates", {"program.bytes": "<= 10", PITCH_GATE.metric: "<= 1"})
    assert rejudge(strict, {}).verdict == "fail"
    assert rejudge(strict, {"program.bytes": None}).verdict == "pass"
    with pytest.raises(WorkbenchError, match="which is not a metric of this version; run it again"):
        rejudge(replaced(RESULT, "recipe.resolved.gates", {"program.size": "<= 10"}), {})


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (RESULT, "pass"),
        (replaced(RESULT, "recipe.resolved.gates", {"program.bytes": "<= 1e9"}), "inconclusive"),
        (RESULT.replace(verdict="fail", reasons=("no",)), "fail"),
    ],
    ids=["still-passes", "passed-by-an-older-rule", "failed"],
)
def test_confirm_pass_only_judges_a_pass(result: Result, verdict: str) -> None:
    assert confirm_pass(result).verdict == verdict
