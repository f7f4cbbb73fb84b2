"""The verdict of a soak, from records with made-up segments."""

from tests.helpers.soak import soak_of
from workbench.audit.soak_verdict import judged
from workbench.recipe import Gate

GATES = (Gate("deviation.pitch.max_cents", "<=", 400), Gate("deviation.confidence.max", "<=", 0))


def test_every_part_has_to_keep_the_gates_on_pitch() -> None:
    steady, drifting = judged(soak_of(0.0), GATES, 40), judged(soak_of(0.125), GATES, 40)
    assert (steady.verdict, steady.reasons) == ("pass", ())
    assert drifting.verdict == "fail"
    assert drifting.reasons == ("until 4 s: deviation.pitch.max_cents is 500, wants <= 400",)


def test_a_process_that_grows_fails_and_slower_calls_are_inconclusive() -> None:
    grown = judged(soak_of(0.0, resident_bytes=550), GATES, 40)
    assert (grown.verdict, grown.reasons) == (
        "fail",
        ("the process grew by 10.0% after the first part, wants at most 2%",),
    )
    slower = judged(soak_of(0.0, variant_p50_ms=2.0), GATES, 40)
    assert slower.verdict == "inconclusive"
    assert slower.reasons == ("calls took 2.00 times as long at the end as at the start; run it on a quiet machine",)


def test_confidence_real_time_and_finite_frames_count() -> None:
    assert judged(soak_of(0.0, confidence_max=0.5), GATES, 40).reasons == (
        "until 4 s: deviation.confidence.max is 0.5, wants <= 0",
    )
    assert judged(soak_of(0.0, real_time_factor=1.25), GATES, 40).reasons == (
        "until 4 s: a call takes 1.25 times as long as its audio",
    )
    broken = judged(soak_of(0.0, nonfinite_frames=3), GATES, 40)
    assert (broken.verdict, broken.reasons) == ("fail", ("until 4 s: 3 of 10 frames are not finite",))
    unknown = judged(soak_of(0.0, baseline_nonfinite_frames=3), GATES, 40)
    says = "until 4 s: 3 of 10 frames of upstream itself are not finite"
    assert (unknown.verdict, unknown.reasons) == ("inconclusive", (says,))


def test_without_a_gate_on_pitch_nothing_is_passed() -> None:
    free = judged(soak_of(0.0), (), 40)
    assert free.verdict == "inconclusive"
    assert free.reasons == (
        "no gate holds its pitch to upstream's; give the recipe one, such as deviation.pitch.p95_cents: <= 1",
    )


def test_a_figure_that_is_not_there_is_a_doubt() -> None:
    soak = soak_of(0.0)
    silent = soak.stretches[0].pitch.model_copy(
        update={"max_cents": None, "null_reasons": {"max_cents": "no voiced frame"}}
    )
    parts = (soak.stretches[0].model_copy(update={"pitch": silent}), *soak.stretches[1:])
    doubted = judged(soak.model_copy(update={"stretches": parts}), GATES, 40)
    assert (doubted.verdict, doubted.reasons) == (
        "inconclusive",
        ("until 1 s: deviation.pitch.max_cents has no value: no voiced frame",),
    )


def test_few_voiced_frames_are_a_doubt() -> None:
    doubted = judged(soak_of(0.0), GATES, 41)  # 10 in each of four parts
    assert (doubted.verdict, doubted.reasons) == ("inconclusive", ("only 40 voiced frames, wants 41",))
