"""The verdict of a soak, from its segments and the recipe's gates."""

from collections.abc import Sequence
from statistics import median

from workbench.audit.gates import PITCH, no_pitch_gate_reason
from workbench.measure.soak import SoakSegment
from workbench.recipe import Gate
from workbench.records.metrics import Verdict, metric_value
from workbench.records.soak import Soak

_CONFIDENCE_MAX = "deviation.confidence.max"
# The growth of the process that is allowed after the first segment. A leak of one memory page in each call would be a
# hundred times as much in an hour.
_MAX_GROWTH = 0.02
# The median call of the last segment over that of the first, and the 99th percentile of the later segments over that of
# the earlier ones. Other work on the machine changes the first by up to a quarter.
_MAX_SLOWDOWN = 1.5


def judge_soak(soak: Soak, gates: Sequence[Gate], min_voiced_frames: int) -> Soak:
    """Returns the soak with its verdict and the reasons for it.

    The verdict is `fail` if the program stopped early, a segment is not finite, slower than real time or outside the
    recipe's gates on pitch and on the maximum of the confidence deviation, or the process grew.

    Otherwise it is `inconclusive` if the median call or the slowest ones got slower, which other work on the machine
    causes too, if a gate has no value, if no gate is on the pitch, or if all segments together have too few voiced
    frames.

    Args:
        soak: The soak, judged or not.
        gates: The gates of its recipe; only those on pitch and on `deviation.confidence.max` count.
        min_voiced_frames: The number of voiced frames that pitch deviations need, over all segments.
    """
    checked_gates = [gate for gate in gates if gate.metric.startswith(PITCH) or gate.metric == _CONFIDENCE_MAX]
    failures, doubts = [], []
    if soak.ended:
        failures.append(soak.ended)
    for segment in soak.stretches:
        segment_failures, segment_doubts = _judge_segment(segment, checked_gates)
        failures += [f"until {segment.until_s:.0f} s: {failure}" for failure in segment_failures]
        doubts += [f"until {segment.until_s:.0f} s: {doubt}" for doubt in segment_doubts]
    voiced_frames = sum(segment.voiced_frames for segment in soak.stretches)
    if voiced_frames < min_voiced_frames:
        doubts.append(f"only {voiced_frames} voiced frames (at least {min_voiced_frames} required)")
    ungated = no_pitch_gate_reason(checked_gates)
    if ungated:
        doubts.append(ungated)
    first, last = soak.stretches[0], soak.stretches[-1]
    growth = max(segment.resident_bytes for segment in soak.stretches) / first.resident_bytes - 1
    if growth > _MAX_GROWTH:
        failures.append(f"the process grew by {growth:.1%} after the first segment (at most {_MAX_GROWTH:.0%} allowed)")
    slowdown = last.variant_p50_ms / first.variant_p50_ms
    if slowdown > _MAX_SLOWDOWN:
        doubts.append(
            f"calls took {slowdown:.2f} times as long at the end as at the start; run again on an idle machine"
        )
    tail_slowdown = _tail_slowdown(soak.stretches)
    if tail_slowdown > _MAX_SLOWDOWN:
        doubts.append(
            f"the slowest 1% of the calls took {tail_slowdown:.2f} times as long in the second half as in the first; "
            "run again on an idle machine"
        )
    verdict: Verdict = "fail" if failures else "inconclusive" if doubts else "pass"
    return soak.replace(verdict=verdict, reasons=(*failures, *doubts))


def _tail_slowdown(segments: Sequence[SoakSegment]) -> float:
    """Returns the 99th percentile of the second half over that of the first: medians of segments, 1 if not known."""
    p99_ms = [segment.variant_p99_ms for segment in segments if segment.variant_p99_ms is not None]
    half = len(p99_ms) // 2
    return median(p99_ms[-half:]) / median(p99_ms[:half]) if half else 1.0


def _judge_segment(segment: SoakSegment, gates: Sequence[Gate]) -> tuple[list[str], list[str]]:
    """Returns failures and doubts. Frames that are not finite have no metrics to check."""
    if segment.nonfinite_frames:
        return [f"{segment.nonfinite_frames} of {segment.frames} frames are not finite"], []
    failures, doubts = [], []
    if segment.baseline_nonfinite_frames:
        doubts.append(f"{segment.baseline_nonfinite_frames} of {segment.frames} baseline frames are not finite")
    for gate in gates:
        if gate.metric == _CONFIDENCE_MAX:
            value, reason = metric_value("confidence_max", segment)
        else:
            value, reason = metric_value(gate.metric.removeprefix(PITCH), segment.pitch)
        if value is None:
            doubts.append(f"{gate.metric} has no value: {reason}")
        elif not gate.allows(value):
            failures.append(f"{gate.metric} is {value:.10g} (limit {gate})")
    if segment.real_time_factor >= 1:
        failures.append(f"a call takes {segment.real_time_factor:.2f} times as long as its audio")
    return failures, doubts
