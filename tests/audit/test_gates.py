"""The outcomes of gates, and the metrics of a result that a gate may name."""

import pytest
from pydantic import Field

from workbench.audit.gates import evaluate_gates
from workbench.recipe import Gate, gates_of, override_gates
from workbench.record_model import RecordModel
from workbench.records.metrics import GateResult, metric_paths


class Speed(RecordModel):
    speedup_p50: float = 5.0
    speedup_low: float = 4.0
    speedup_high: float = 6.0
    load_ms: float | None = 5.0
    count: int = 3
    name: str = "a"
    counts: dict[str, int] = Field(default={})
    names: tuple[str, ...] = ()


class Entry(RecordModel):
    cents: float


class Whole(RecordModel):
    cents: float = 0.25
    speed: Speed | None = Speed()
    passed: bool = True
    entries: tuple[Entry, ...] = ()
    rows: list[float] = Field(default=[])


def evaluate(metric: str, comparison: str, limit: float, record: RecordModel | None = None) -> GateResult:
    (outcome,) = evaluate_gates([Gate(metric, comparison, limit)], record or Whole())
    return outcome


@pytest.mark.parametrize(
    ("metric", "comparison", "limit", "passed"),
    [
        *(("cents", "<=", 0.3, True), ("cents", "<=", 0.25, True), ("cents", "<=", 0.2499, False)),
        *(("cents", ">=", 0.2, True), ("cents", ">=", 0.25, True), ("cents", ">=", 0.2501, False)),
        ("speed.load_ms", ">=", 4.9, True),  # has no spread
        *((f"speed.speedup_{name}", ">=", 4.0, True) for name in ("low", "p50", "high")),
        *((f"speed.speedup_{name}", ">=", 6.1, False) for name in ("low", "p50", "high")),
        *((f"speed.speedup_{name}", "<=", 6.0, True) for name in ("low", "p50", "high")),
        *((f"speed.speedup_{name}", ">=", 4.9, None) for name in ("low", "p50", "high")),
        *((f"speed.speedup_{name}", "<=", 4.9, None) for name in ("low", "p50", "high")),
    ],
)
def test_gate_passes_at_its_limit(metric: str, comparison: str, limit: float, passed: bool | None) -> None:
    """A limit on a speedup within the spread of the rounds decides nothing."""
    outcome = evaluate(metric, comparison, limit)
    assert (outcome.metric, outcome.limit, outcome.passed) == (metric, f"{comparison} {limit:g}", passed)
    assert outcome.value is not None
    spread = "the limit is within the 10th to 90th percentile of its rounds (4 to 6); time with more "
    assert outcome.null_reasons.get("passed", "").startswith(spread if passed is None else "")
    assert set(outcome.null_reasons) == ({"passed"} if passed is None else set())


@pytest.mark.parametrize(
    "record",
    [
        Whole(speed=Speed(load_ms=None, null_reasons={"load_ms": "not timed"})),
        Whole(speed=None, null_reasons={"speed": "not timed"}),
    ],
    ids=["value", "section"],
)
def test_gate_without_a_value_is_inconclusive(record: Whole) -> None:
    outcome = evaluate("speed.load_ms", "<=", 0.01, record)
    assert (outcome.value, outcome.passed, outcome.limit) == (None, None, "<= 0.01")
    assert outcome.null_reasons == {"value": "not timed", "passed": "not timed"}


def test_override_gates_replaces_adds_and_removes() -> None:
    own = (Gate("rate", ">=", 5), Gate("part.cents", "<=", 0.1))
    assert override_gates(own, {}) == own
    assert override_gates(own, {"part.cents": "<= 2e-1", "part.count": ">=3"}) == (
        Gate("rate", ">=", 5),
        Gate("part.cents", "<=", 0.2),
        Gate("part.count", ">=", 3),
    )
    assert override_gates(own, {"rate": None, "part.count": None}) == (Gate("part.cents", "<=", 0.1),)
    assert gates_of({gate.metric: str(gate) for gate in own}) == own


def test_metric_paths_are_the_numbers_of_a_model() -> None:
    speeds = ("speedup_p50", "speedup_low", "speedup_high", "load_ms", "count")
    assert metric_paths(Whole) == ["cents", *(f"speed.{name}" for name in speeds)]
