"""The verdict of a result: pass, fail or inconclusive, with reasons."""

from collections.abc import Mapping

from workbench.audit.gates import evaluate_gates, no_pitch_gate_reason
from workbench.errors import WorkbenchError
from workbench.measure.speed import MAX_SPREAD_RATIO
from workbench.recipe import Gate, gates_of, override_gates
from workbench.records.metrics import GateResult, Verdict
from workbench.records.result import Result, gate_metrics

MIN_BASELINE_RPA = 0.5
"""Share of the voiced frames with a known f0 on which upstream itself has to be right (rpa50). To agree with a baseline
that is wrong more often than right shows nothing; on the shipped clips and on real singing, upstream reaches 0.9."""


def judge_result(record: Result, gates: tuple[Gate, ...], min_voiced_frames: int) -> Result:
    """The record with its gates, verdict and the reasons for it.

    `fail`: an unfair protocol, no program, one without its memory, a pitch that does not move, a frame of it that is
    not finite, or a gate missed. `inconclusive`: nothing failed, but this machine lacks what makes or runs the program,
    or frames came without one or with one that may be another recipe's, too few voiced frames stand behind the pitch
    figures, no gate is on the pitch, or a gate names a number that could not be computed or that does not decide it
    (the rounds of a timing lie on both sides of the limit); or the run itself is in doubt: the baseline is not finite,
    or wrong against the known f0, or the machine was too busy for the times to mean anything.
    """
    failures, doubts = [], []
    results = evaluate_gates(gates, record)
    if not record.protocol.fair:
        failures.append(f"{record.protocol.label}; unlike is compared with unlike, whatever the figures say")
    if record.deviation is None and not record.not_run_here:
        failures.append(record.null_reasons["program" if record.program is None else "deviation"])
    else:
        if record.program and record.program.frozen:
            frozen = ", ".join(record.program.frozen)
            failures.append(
                f"the stream's memory is a constant of the graph ({frozen}): a call hears its own audio alone; export "
                "it with state: explicit"
            )
        failures += [record.contour.flat_reason] * bool(record.contour.flat_reason)
        failures += [
            f"{gate.metric} is {gate.value:.10g}, wants {gate.limit}" for gate in results if gate.passed is False
        ]
        doubts += [_doubt(gate) for gate in results if gate.passed is None and record.deviation is not None]
        if record.deviation is None:
            doubts.append(record.not_run_here)
        elif record.program is None:
            doubts.append(record.null_reasons["program"])
        doubts += [record.program_in_doubt] * bool(record.program_in_doubt)
    if record.deviation is not None:
        if record.deviation.nonfinite_frames:
            failures.append(f"{record.deviation.nonfinite_frames} of {record.deviation.frames} frames are not finite")
        if record.deviation.voiced_frames < min_voiced_frames:
            doubts.append(f"only {record.deviation.voiced_frames} voiced frames, wants {min_voiced_frames}")
        if unknown := record.deviation.baseline_nonfinite_frames:
            doubts.append(
                f"{unknown} of {record.deviation.frames} frames of upstream itself are not finite; check the audio and "
                "the checkpoint"
            )
        doubts += [no_pitch_gate_reason(gates)] * bool(no_pitch_gate_reason(gates))
        doubts += _doubts_of_the_run(record, min_voiced_frames)
    verdict: Verdict = "fail" if failures else "inconclusive" if doubts else "pass"
    return record.model_copy(update={"gates": results, "verdict": verdict, "reasons": (*failures, *doubts)})


def _doubts_of_the_run(record: Result, min_voiced_frames: int) -> list[str]:
    """What keeps a run from showing anything, whatever its gates."""
    doubts = []
    truth, speed = record.truth, record.speed
    right = truth.baseline.rpa50 if truth and truth.baseline else None
    if truth and right is not None and right < MIN_BASELINE_RPA and truth.voiced_frames >= min_voiced_frames:
        doubts.append(
            f"upstream itself is right on {right:.1%} of {truth.voiced_frames} voiced frames with a known f0, wants "
            f"{MIN_BASELINE_RPA:.0%}; check the annotations, and whether this is one voice"
        )
    if speed and speed.is_inconclusive:
        doubts.append(
            f"the machine was too busy to time anything: four fifths of the rounds lie between {speed.speedup_low:.3g} "
            f"and {speed.speedup_high:.3g} times faster, wants ends within a factor of {MAX_SPREAD_RATIO:g}; run it "
            f"again when "
            "the machine is quiet, and only the times are taken anew"
        )
    return doubts


def _doubt(gate: GateResult) -> str:
    if gate.value is None:
        return f"{gate.metric} has no value: {gate.null_reasons['value']}"
    return f"{gate.metric} is {gate.value:.10g}, wants {gate.limit}, but {gate.null_reasons['passed']}"


def confirm_pass(record: Result) -> Result:
    """Returns a result whose stored verdict is pass as the current rules judge it, any other result unchanged.

    An earlier version may have let too much through. A stored fail or inconclusive never becomes a pass.

    Raises:
        WorkbenchError: if the recipe has a gate on a metric that this version does not know.
    """
    return rejudge(record, {}) if record.verdict == "pass" else record


def rejudge(record: Result, limits: Mapping[str, str | None]) -> Result:
    """The record judged again, by its recipe's gates with `limits` laid over them; what was measured stays.

    Raises WorkbenchError where the recipe has a gate on a metric that this version does not know.
    """
    asked = record.recipe.resolved
    gates = override_gates(gates_of(asked["gates"]), limits)
    if unknown := [gate.metric for gate in gates if gate.metric not in gate_metrics()]:
        raise WorkbenchError(f"{record.recipe.name}: has a gate on {unknown[0]}, no metric any more; run it again")
    return judge_result(record, gates, asked["scoring"]["min_voiced_frames"])
