"""Gates: limits on the metrics of a result, and which of them hold."""

from collections.abc import Iterable

from workbench.recipe import Gate
from workbench.record_model import RecordModel
from workbench.records.metrics import GateResult, metric_value

PITCH = "deviation.pitch."
# An upper limit on one of these keeps the pitch near the baseline's. A limit on the signed bias or on the octave rate
# does not: a constant deviation of -300 cents passes both.
_PITCH_DEVIATIONS = (
    *(PITCH + name for name in ("median_cents", "p95_cents", "max_cents", "max_untied_cents", "over_50_cents_rate")),
    "deviation_over_sizes.worst_p95_cents",
    "deviation_over_sizes.worst_max_untied_cents",
)
_SPEEDUPS = tuple(f"{side}.speedup_{name}" for side in ("speed", "speed.native") for name in ("low", "p50", "high"))


def evaluate_gates(gates: Iterable[Gate], record: RecordModel) -> tuple[GateResult, ...]:
    """Compares each gate's limit with the metric that it names in the record. Returns the outcomes in order."""
    return tuple(_evaluate(gate, record) for gate in gates)


def no_pitch_gate_reason(gates: Iterable[Gate]) -> str:
    """Returns why the gates do not limit the pitch deviation; "" if one of them does."""
    if any(gate.comparison == "<=" and gate.metric in _PITCH_DEVIATIONS for gate in gates):
        return ""
    return f"the recipe has no gate on pitch deviation; add one, for example {PITCH}p95_cents: <= 1"


def _evaluate(gate: Gate, record: RecordModel) -> GateResult:
    value, reason = metric_value(gate.metric, record)
    if value is None:
        nulls = {"value": reason, "passed": reason}
        return GateResult(metric=gate.metric, limit=str(gate), value=None, passed=None, null_reasons=nulls)
    reason = _inconclusive_reason(gate, record)
    if reason:
        nulls = {"passed": reason}
        return GateResult(metric=gate.metric, limit=str(gate), value=value, passed=None, null_reasons=nulls)
    return GateResult(metric=gate.metric, limit=str(gate), value=value, passed=gate.allows(value))


def _inconclusive_reason(gate: Gate, record: RecordModel) -> str:
    """Returns why a speedup does not decide a gate: its timing rounds lie on both sides of the limit; "" if it does."""
    if gate.metric not in _SPEEDUPS:
        return ""
    side = gate.metric.rpartition(".")[0]
    low, _ = metric_value(f"{side}.speedup_low", record)
    high, _ = metric_value(f"{side}.speedup_high", record)
    if low is None or high is None or not low < gate.limit < high:
        return ""
    return (
        f"the limit is within the 10th to 90th percentile of its rounds ({low:.3g} to {high:.3g}); time with more "
        "rounds, or on an idle machine"
    )
