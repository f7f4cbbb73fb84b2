"""The verdict of a result: pass, fail or inconclusive, with the reasons."""

from collections.abc import Mapping, Sequence

from workbench.audit.gates import evaluate_gates, no_pitch_gate_reason
from workbench.errors import WorkbenchError
from workbench.measure.speed import MAX_SPREAD_RATIO
from workbench.recipe import Gate, gates_of, override_gates
from workbench.records.metrics import GateResult, Verdict
from workbench.records.result import Result, gate_metrics

MIN_BASELINE_RPA = 0.5
"""Raw pitch accuracy (rpa50) that the baseline has to reach on the voiced frames with a known f0. Agreement with a
baseline that is mostly wrong has no meaning. On the shipped clips and on real singing the baseline reaches 0.9."""


def judge_result(result: Result, gates: Sequence[Gate], min_voiced_frames: int) -> Result:
    """Returns the result with its gates, its verdict and the reasons for it. What was measured stays.

    The verdict is `fail` if the scoring protocol is unfair, there is no program or no deviation, the streaming state is
    a constant, the pitch does not move, a frame is not finite, or a gate is missed.

    Otherwise it is `inconclusive` if this machine cannot build or run the program, it is not certain which program gave
    the frames, a gate has no value or cannot be decided, no gate is on the pitch, too few frames are voiced, the
    baseline is not finite or wrong against the known f0, or the timing rounds differ too much.

    Args:
        result: The result, judged or not.
        gates: The gates of its recipe.
        min_voiced_frames: The number of voiced frames that pitch deviations need.
    """
    outcomes = evaluate_gates(gates, result)
    failures = _failures(result, outcomes)
    doubts = _doubts(result, gates, outcomes, min_voiced_frames)
    verdict: Verdict = "fail" if failures else "inconclusive" if doubts else "pass"
    return result.replace(gates=outcomes, verdict=verdict, reasons=(*failures, *doubts))


def confirm_pass(result: Result) -> Result:
    """Returns a result whose stored verdict is pass as the current rules judge it, any other result unchanged.

    An earlier version may have let too much through. A stored fail or inconclusive never becomes a pass.

    Raises:
        WorkbenchError: if the recipe has a gate on a metric that this version does not know.
    """
    return rejudge(result, {}) if result.verdict == "pass" else result


def rejudge(result: Result, limits: Mapping[str, str | None]) -> Result:
    """Judges a result again, by the gates of its recipe with `limits` overriding them by metric; None removes one.

    Raises:
        WorkbenchError: if the recipe has a gate on a metric that this version does not know.
    """
    resolved = result.recipe.resolved
    gates = override_gates(gates_of(resolved["gates"]), limits)
    unknown = [gate.metric for gate in gates if gate.metric not in gate_metrics()]
    if unknown:
        raise WorkbenchError(
            f"{result.recipe.name}: has a gate on {unknown[0]}, which is not a metric of this version; run it again"
        )
    return judge_result(result, gates, resolved["scoring"]["min_voiced_frames"])


def _failures(result: Result, outcomes: Sequence[GateResult]) -> list[str]:
    failures = failures_without_gates(result)
    if result.deviation is None and not result.not_run_here:
        return failures
    missed = [f"{gate.metric} is {gate.value:.10g} (limit {gate.limit})" for gate in outcomes if gate.passed is False]
    return [*failures, *missed]


def failures_without_gates(result: Result) -> list[str]:
    """Returns the reasons why a result fails whatever its gates are."""
    failures = []
    if not result.protocol.fair:
        failures.append(
            f"{result.protocol.label}; the two sides ran under different state protocols, so the metrics are not "
            "comparable"
        )
    if result.deviation is None and not result.not_run_here:
        failures.append(result.null_reasons["program" if result.program is None else "deviation"])
        return failures
    if result.program is not None and result.program.frozen:
        failures.append(
            f"the streaming state was folded into a constant ({', '.join(result.program.frozen)}), so each call sees "
            "only its own audio; export with state: explicit"
        )
    if result.contour.flat_reason:
        failures.append(result.contour.flat_reason)
    if result.deviation is not None and result.deviation.nonfinite_frames:
        failures.append(f"{result.deviation.nonfinite_frames} of {result.deviation.frames} frames are not finite")
    return failures


def _doubts(result: Result, gates: Sequence[Gate], outcomes: Sequence[GateResult], min_voiced_frames: int) -> list[str]:
    deviation = result.deviation
    if deviation is None:
        possible = (result.not_run_here, result.program_in_doubt) if result.not_run_here else ()
        return [doubt for doubt in possible if doubt]
    doubts = [_inconclusive_gate_reason(gate) for gate in outcomes if gate.passed is None]
    if result.program is None:
        doubts.append(result.null_reasons["program"])
    if result.program_in_doubt:
        doubts.append(result.program_in_doubt)
    if deviation.voiced_frames < min_voiced_frames:
        doubts.append(f"only {deviation.voiced_frames} voiced frames (at least {min_voiced_frames} required)")
    if deviation.baseline_nonfinite_frames:
        doubts.append(
            f"{deviation.baseline_nonfinite_frames} of {deviation.frames} baseline frames are not finite; check the "
            "audio and the checkpoint"
        )
    ungated = no_pitch_gate_reason(gates)
    if ungated:
        doubts.append(ungated)
    return doubts + _doubts_about_the_run(result, min_voiced_frames)


def _doubts_about_the_run(result: Result, min_voiced_frames: int) -> list[str]:
    """Returns the reasons why a run is unreliable, whatever its gates are."""
    doubts = []
    truth, speed = result.truth, result.speed
    accuracy = truth.baseline.rpa50 if truth and truth.baseline else None
    if truth and truth.voiced_frames >= min_voiced_frames and accuracy is not None and accuracy < MIN_BASELINE_RPA:
        doubts.append(
            f"the baseline's raw pitch accuracy is {accuracy:.1%} on {truth.voiced_frames} voiced frames of "
            f"{truth.kind} f0 (at least {MIN_BASELINE_RPA:.0%} required); check the known f0, and that the audio is "
            "monophonic"
        )
    if speed and speed.is_inconclusive:
        widest = speed.widest_speedup
        doubts.append(
            f"timing is inconclusive: speedup ranges from {widest.low:.3g} to {widest.high:.3g} (10th to "
            f"90th percentile; at most a factor of {MAX_SPREAD_RATIO:g} allowed); run again on an idle machine, only "
            "timing is repeated"
        )
    return doubts


def _inconclusive_gate_reason(gate: GateResult) -> str:
    """The reason why a gate is neither passed nor missed."""
    if gate.value is None:
        return f"{gate.metric} has no value: {gate.null_reasons['value']}"
    return f"{gate.metric} is {gate.value:.10g} (limit {gate.limit}), but {gate.null_reasons['passed']}"
