"""The verdict of a soak, from its record and the recipe's gates."""

from workbench.audit.gates import PITCH, no_pitch_gate_reason
from workbench.recipe import Gate
from workbench.records.metrics import Verdict
from workbench.records.soak import Soak

# From the end of the first part on. A page more for every call would be a hundred times as much in an hour.
_GROWTH = 0.02


_SLOWER = 1.5  # last part's median call over the first's; the machine alone moves it by a quarter


def judged(soak: Soak, gates: tuple[Gate, ...], min_voiced_frames: int) -> Soak:
    """The record with its verdict: every part within the recipe's gates on pitch and on the largest confidence
    deviation, finite, faster than real time, to the end, and a process that does not grow.

    Slower calls make it inconclusive, not failed: another job on the machine does that too. So do fewer voiced frames
    in all parts together: the gates compare no others, and a short stream has few in each.
    """
    failures, doubts = [soak.ended] * bool(soak.ended), []
    held = [gate for gate in gates if gate.metric.startswith(PITCH) or gate.metric == "deviation.confidence.max"]
    for part in soak.stretches:
        until = f"until {part.until_s:.0f} s"
        if part.nonfinite_frames:
            failures.append(f"{until}: {part.nonfinite_frames} of {part.frames} frames are not finite")
            continue
        if part.baseline_nonfinite_frames:
            unknown = part.baseline_nonfinite_frames
            doubts.append(f"{until}: {unknown} of {part.frames} frames of upstream itself are not finite")
        for gate in held:
            name = gate.metric.removeprefix(PITCH)
            value = getattr(part.pitch, name) if gate.metric != name else part.confidence_max
            if value is None:
                doubts.append(f"{until}: {gate.metric} has no value: {part.pitch.null_reasons[name]}")
            elif not gate.allows(value):
                failures.append(f"{until}: {gate.metric} is {value:.10g}, wants {gate}")
        if part.real_time_factor >= 1:
            failures.append(f"{until}: a call takes {part.real_time_factor:.2f} times as long as its audio")
    voiced = sum(part.voiced_frames for part in soak.stretches)
    if voiced < min_voiced_frames:
        doubts.append(f"only {voiced} voiced frames, wants {min_voiced_frames}")
    doubts += [no_pitch_gate_reason(held)] * bool(no_pitch_gate_reason(held))
    first, last = soak.stretches[0], soak.stretches[-1]
    growth = max(part.resident_bytes for part in soak.stretches) / first.resident_bytes - 1
    if growth > _GROWTH:
        failures.append(f"the process grew by {growth:.1%} after the first part, wants at most {_GROWTH:.0%}")
    slower = last.variant_p50_ms / first.variant_p50_ms
    if slower > _SLOWER:
        doubts.append(f"calls took {slower:.2f} times as long at the end as at the start; run it on a quiet machine")
    verdict: Verdict = "fail" if failures else "inconclusive" if doubts else "pass"
    return soak.model_copy(update={"verdict": verdict, "reasons": (*failures, *doubts)})
