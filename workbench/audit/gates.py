"""Gates: limits on the figures of a record, and the verdict that follows."""

from collections.abc import Iterable

from workbench.recipe import Gate
from workbench.record_model import RecordModel
from workbench.records.metrics import GateResult, metric_value

PITCH = "deviation.pitch."
# A limit on one of these keeps the pitch near upstream's. The bias is signed, and a constant 300 cents is no octave.
_HOLDS_PITCH = (
    *(PITCH + name for name in ("median_cents", "p95_cents", "max_cents", "max_untied_cents", "over_50_cents_rate")),
    "deviation_over_sizes.worst_p95_cents",
    "deviation_over_sizes.worst_max_untied_cents",
)
_RATIOS = ("speed.speedup_low", "speed.speedup_p50", "speed.speedup_high")


def evaluate_gates(gates: Iterable[Gate], record: RecordModel) -> tuple[GateResult, ...]:
    """Hold each gate against the figure that its dotted path names in the record."""
    results = []
    for gate in gates:
        value, reason = metric_value(gate.metric, record)
        if value is None:
            nulls = dict.fromkeys(("value", "passed"), reason)
            results.append(GateResult(metric=gate.metric, limit=str(gate), value=None, passed=None, null_reasons=nulls))
        elif undecided := _inconclusive_reason(gate, record):
            nulls = {"passed": undecided}
            results.append(
                GateResult(metric=gate.metric, limit=str(gate), value=value, passed=None, null_reasons=nulls)
            )
        else:
            results.append(GateResult(metric=gate.metric, limit=str(gate), value=value, passed=gate.allows(value)))
    return tuple(results)


def no_pitch_gate_reason(gates: Iterable[Gate]) -> str:
    """Why the gates say nothing of the pitch, which is what a program is for; "" where one of them does."""
    if any(gate.comparison == "<=" and gate.metric in _HOLDS_PITCH for gate in gates):
        return ""
    return f"no gate holds its pitch to upstream's; give the recipe one, such as {PITCH}p95_cents: <= 1"


def _inconclusive_reason(gate: Gate, record: RecordModel) -> str:
    """Why a ratio of speeds does not decide a gate: its 10th to 90th percentile over rounds has the limit inside."""
    if gate.metric not in _RATIOS:
        return ""
    low, high = (metric_value(metric, record)[0] for metric in (_RATIOS[0], _RATIOS[-1]))
    if low is None or high is None or not low < gate.limit < high:
        return ""
    return (
        f"four fifths of its rounds lie between {low:.3g} and {high:.3g}, on both sides of the limit; time it with "
        "more rounds, or on a quiet machine"
    )
