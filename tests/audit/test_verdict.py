"""The verdict of a result and its reasons."""

from collections.abc import Callable

import pytest

from tests.helpers.results import lost, replaced, stored, without_pitch, without_scores
from workbench.audit.verdict import confirm_pass, judge_result, rejudge
from workbench.errors import WorkbenchError
from workbench.measure.contour import Contour
from workbench.recipe import Gate
from workbench.records.result import Result
from workbench.runtime.state_protocol import protocol_of

RESULT = stored(deviation__pitch__p95_cents=0.005, program__bytes=17_000_001)
PITCH_GATE = Gate("deviation.pitch.p95_cents", "<=", 1)
UNGATED = "the recipe has no gate on pitch deviation; add one, for example deviation.pitch.p95_cents: <= 1"
assert RESULT.deviation and RESULT.program and RESULT.speed and RESULT.contour.variant


def judge(result: Result, *gates: Gate, min_voiced_frames: int = 100) -> tuple[str, tuple[str, ...]]:
    judged = judge_result(result, gates or (PITCH_GATE,), min_voiced_frames)
    return judged.verdict, judged.reasons


def flat(result: Result) -> Result:
    pitch = result.contour.variant
    assert pitch is not None
    still = pitch.replace(low_semitones=50.0, middle_semitones=50.0, high_semitones=50.4, confidence=0.1)
    return result.replace(contour=Contour(baseline=result.contour.baseline, variant=still))


def test_judge_result_changes_only_gates_verdict_and_reasons() -> None:
    judged = judge_result(RESULT, (PITCH_GATE, Gate("speed.speedup_low", ">=", 4)), 2829)
    assert (judged.verdict, judged.reasons) == ("pass", ())
    assert [gate.passed for gate in judged.gates] == [True, True]
    keys = {"gates", "verdict", "reasons"}
    assert judged.model_dump(exclude=keys) == RESULT.model_dump(exclude=keys)


@pytest.mark.parametrize(
    ("result", "gates", "reasons"),
    [
        (
            RESULT,
            (Gate("deviation.pitch.p95_cents", "<=", 0.0025), Gate("speed.speedup_p50", ">=", 6.5)),
            ("deviation.pitch.p95_cents is 0.005 (limit <= 0.0025)", "speed.speedup_p50 is 5.417263172 (limit >= 6.5)"),
        ),
        (
            RESULT,
            (PITCH_GATE, Gate("program.bytes", "<=", 17_000_000)),
            ("program.bytes is 17000001 (limit <= 17000000)",),
        ),
        (lost(RESULT, "it crashed"), (Gate("program.bytes", "<=", 1),), ("it crashed",)),
        (RESULT.replace(deviation=None, null_reasons={"deviation": "no frame"}), (PITCH_GATE,), ("no frame",)),
        (replaced(RESULT, "deviation.nonfinite_frames", 2), (PITCH_GATE,), ("2 of 3619 frames are not finite",)),
        (
            replaced(RESULT, "program.frozen", ("ring: 1×7232 zeros",)),
            (PITCH_GATE,),
            (
                "the streaming state was folded into a constant (ring: 1×7232 zeros), so each call sees only its own "
                "audio; export with state: explicit",
            ),
        ),
        (flat(RESULT), (PITCH_GATE,), (flat(RESULT).contour.flat_reason,)),
        (
            RESULT.replace(protocol=protocol_of("variant-reset-per-chunk")),
            (PITCH_GATE,),
            (
                "UNFAIR: baseline continuous, variant reset-per-chunk; the two sides ran under different state "
                "protocols, so the metrics are not comparable",
            ),
        ),
    ],
    ids=["gates", "near-miss", "no-program", "no-deviation", "nonfinite", "frozen", "flat", "unfair"],
)
def test_judge_result_fails(result: Result, gates: tuple[Gate, ...], reasons: tuple[str, ...]) -> None:
    assert judge(result, *gates) == ("fail", reasons)


@pytest.mark.parametrize(
    ("result", "reasons"),
    [
        (replaced(RESULT, "deviation.voiced_frames", 99), ("only 99 voiced frames (at least 100 required)",)),
        (
            replaced(RESULT, "deviation.baseline_nonfinite_frames", 2),
            ("2 of 3619 baseline frames are not finite; check the audio and the checkpoint",),
        ),
        (
            stored(speed__speedup_low=4.5, speed__speedup_high=10.125),
            (
                "timing is inconclusive: speedup ranges from 4.5 to 10.1 (10th to 90th percentile; at most a factor of "
                "2 allowed); run again on an idle machine, only timing is repeated",
            ),
        ),
        (
            stored(truth__baseline__rpa50=0.49, truth__voiced_frames=100),
            (
                "the baseline's raw pitch accuracy is 49.0% on 100 annotated voiced frames (at least 50% required); "
                "check the annotations, and that the audio is monophonic",
            ),
        ),
        (without_scores(RESULT, "no such backend"), ("no such backend",)),
        (RESULT.replace(program_in_doubt="another program"), ("another program",)),
        (
            RESULT.replace(program=None, null_reasons={"program": "recorded elsewhere"}),
            ("recorded elsewhere",),
        ),
    ],
    ids=["voiced", "baseline", "timing", "accuracy", "not-run-here", "doubtful-program", "external-frames"],
)
def test_judge_result_is_inconclusive(result: Result, reasons: tuple[str, ...]) -> None:
    assert judge(result) == ("inconclusive", reasons)


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


def test_program_that_cannot_run_here_can_fail_a_gate() -> None:
    not_run = without_scores(RESULT, "no such backend")
    reasons = ("program.bytes is 17000001 (limit <= 1)", "no such backend")
    assert judge(not_run, Gate("program.bytes", "<=", 1), Gate("speed.speedup_low", ">=", 2)) == ("fail", reasons)


def test_gate_without_a_value_is_inconclusive() -> None:
    assert RESULT.truth and RESULT.truth.variant
    unvoiced = RESULT.truth.variant.replace(
        voicing_false_alarm=None, null_reasons={"voicing_false_alarm": "every frame is voiced"}
    )
    gates = (PITCH_GATE, Gate("truth.variant.voicing_false_alarm", "<=", 0.1))
    assert judge(replaced(RESULT, "truth.variant", unvoiced), *gates) == (
        "inconclusive",
        ("truth.variant.voicing_false_alarm has no value: every frame is voiced",),
    )
    missing = RESULT.replace(truth=None, null_reasons={"truth": "no known f0"})
    assert judge(missing, *gates) == (
        "inconclusive",
        ("truth.variant.voicing_false_alarm has no value: no known f0",),
    )


def test_gate_within_the_spread_is_inconclusive() -> None:
    (reason,) = judge(RESULT, PITCH_GATE, Gate("speed.speedup_p50", ">=", 5))[1]
    assert reason.startswith("speed.speedup_p50 is 5.417263172 (limit >= 5), but the limit is within the 10th to 90th")


@pytest.mark.parametrize(
    "gates",
    [
        (Gate("program.bytes", "<=", 10**9), Gate("speed.speedup_p50", ">=", 1)),
        (Gate("deviation.pitch.bias_cents", "<=", 1), Gate("deviation.pitch.p95_cents", ">=", 0)),  # signed; lower
    ],
)
def test_result_without_an_upper_limit_on_pitch_never_passes(gates: tuple[Gate, ...]) -> None:
    assert judge(RESULT, *gates) == ("inconclusive", (UNGATED,))
    assert judge_result(RESULT, (), 100).reasons == (UNGATED,)


def test_failures_come_before_doubts() -> None:
    assert RESULT.deviation is not None
    deviation = without_pitch(RESULT.deviation).replace(nonfinite_frames=1)
    gates = (Gate("deviation.pitch.max_cents", "<=", 1), Gate("speed.threads", "<=", 0))
    assert judge(RESULT.replace(deviation=deviation), *gates) == (
        "fail",
        (
            "speed.threads is 1 (limit <= 0)",
            "1 of 3619 frames are not finite",
            "deviation.pitch.max_cents has no value: no voiced frame",
            "only 0 voiced frames (at least 100 required)",
        ),
    )


def test_rejudge_overrides_the_gates_of_the_recipe() -> None:
    assert rejudge(RESULT, {}).verdict == "pass"
    assert rejudge(RESULT, {"program.bytes": "<= 10"}).verdict == "fail"
    strict = replaced(RESULT, "recipe.resolved.gates", {"program.bytes": "<= 10", PITCH_GATE.metric: "<= 1"})
    assert rejudge(strict, {}).verdict == "fail"
    assert rejudge(strict, {"program.bytes": None}).verdict == "pass"


def test_rejudge_of_an_unknown_metric_is_an_error() -> None:
    unknown = replaced(RESULT, "recipe.resolved.gates", {"program.size": "<= 10"})
    with pytest.raises(WorkbenchError) as error:
        rejudge(unknown, {})
    assert str(error.value) == (
        "float-xnnpack: has a gate on program.size, which is not a metric of this version; run it again"
    )


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda result: result, "pass"),
        (lambda result: replaced(result, "recipe.resolved.gates", {"program.bytes": "<= 1e9"}), "inconclusive"),
        (lambda result: result.replace(verdict="fail", reasons=("no",)), "fail"),
    ],
    ids=["still-passes", "passed-by-an-older-rule", "failed"],
)
def test_confirm_pass_only_judges_a_pass(change: Callable[[Result], Result], verdict: str) -> None:
    assert confirm_pass(change(RESULT)).verdict == verdict
