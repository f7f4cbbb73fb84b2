"""The outcomes of gates, and the metrics of a result that a gate may name."""

import pytest
from pydantic import Field

from workbench.audit.gates import evaluate_gates
from workbench.recipe import Gate, gates_of, override_gates
from workbench.record_model import RecordModel
from workbench.records.metrics import GateResult, metric_paths
from workbench.records.result import gate_metrics


class Part(RecordModel):
    cents: float | None
    count: int = 3
    name: str = "a"
    counts: dict[str, int] = Field(default={})
    names: tuple[str, ...] = ()


class Entry(RecordModel):
    cents: float


class Whole(RecordModel):
    part: Part | None
    rate: float
    passed: bool = True
    entries: tuple[Entry, ...] = ()
    rows: list[float] = Field(default=[])


WHOLE = Whole(part=Part(cents=0.25), rate=5.0)


def evaluate(metric: str, comparison: str, limit: float, record: RecordModel = WHOLE) -> GateResult:
    (outcome,) = evaluate_gates([Gate(metric, comparison, limit)], record)
    return outcome


@pytest.mark.parametrize(
    ("comparison", "limit", "passed"),
    [
        *(("<=", 0.3, True), ("<=", 0.25, True), ("<=", 0.2499, False), ("<=", -1.0, False)),
        *((">=", 0.2, True), (">=", 0.25, True), (">=", 0.2501, False)),
    ],
)
def test_gate_passes_at_its_limit(comparison: str, limit: float, passed: bool) -> None:
    outcome = evaluate("part.cents", comparison, limit)
    assert (outcome.metric, outcome.value, outcome.passed) == ("part.cents", 0.25, passed)
    assert (outcome.limit, outcome.null_reasons) == (f"{comparison} {limit:g}", {})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Whole(part=Part(cents=None, null_reasons={"cents": "no voice"}), rate=1.0), "no voice"),
        (Whole(part=None, rate=1.0, null_reasons={"part": "not measured"}), "not measured"),
    ],
    ids=["value", "section"],
)
def test_gate_without_a_value_is_undecided(record: Whole, reason: str) -> None:
    outcome = evaluate("part.cents", "<=", 0.01, record)
    assert (outcome.value, outcome.passed, outcome.limit) == (None, None, "<= 0.01")
    assert outcome.null_reasons == {"value": reason, "passed": reason}


def test_evaluate_gates_keeps_their_order() -> None:
    gates = [Gate("rate", ">=", 5), Gate("part.cents", "<=", 0.1), Gate("rate", "<=", 5)]
    assert [(outcome.metric, outcome.passed) for outcome in evaluate_gates(gates, WHOLE)] == [
        ("rate", True),
        ("part.cents", False),
        ("rate", True),
    ]


class Ratios(RecordModel):
    speedup_p50: float = 5.0
    speedup_low: float = 4.0
    speedup_high: float = 6.0
    load_ms: float = 5.0


class Timed(RecordModel):
    speed: Ratios | None = Ratios()


@pytest.mark.parametrize("metric", ["speed.speedup_p50", "speed.speedup_low", "speed.speedup_high"])
@pytest.mark.parametrize("comparison", ["<=", ">="])
def test_speedup_gate_within_the_spread_is_undecided(metric: str, comparison: str) -> None:
    result = evaluate(metric, comparison, 4.9, Timed())
    assert result.value is not None and result.passed is None
    assert result.null_reasons == {
        "passed": "the limit is within the 10th to 90th percentile of its rounds (4 to 6); time with more rounds, or "
        "on an idle machine"
    }


@pytest.mark.parametrize(
    ("metric", "limit", "passed"),
    [
        ("speed.speedup_p50", 3.9, True),
        ("speed.speedup_p50", 4.0, True),
        ("speed.speedup_low", 4.0, True),
        ("speed.speedup_p50", 6.1, False),
        ("speed.speedup_low", 6.0, False),
        ("speed.load_ms", 4.9, True),
    ],
)
def test_speed_gate_outside_the_spread_is_decided(metric: str, limit: float, passed: bool) -> None:
    assert evaluate(metric, ">=", limit, Timed()).passed is passed


def test_limits_are_laid_over_gates_one_by_evaluate() -> None:
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
    assert metric_paths(Whole) == ["part.cents", "part.count", "rate"]


def test_gate_metrics_include_every_documented_metric() -> None:
    pitch = ("median_cents", "p95_cents", "max_cents", "bias_cents", "over_50_cents_rate", "octave_rate")
    sung = ("rpa50", "rca50", "voicing_recall", "voicing_false_alarm", "overall")
    timed = ("p50_ms", "p95_ms", "p99_ms", "max_ms")
    promised = {
        *("program.bytes", "program.delegated_nodes", "program.portable_nodes", "latency.algorithmic_ms"),
        *(f"deviation.pitch.{name}" for name in pitch),
        *(f"deviation.confidence.{name}" for name in ("mean", "p95", "max")),
        *(f"deviation.{name}" for name in ("voicing_flip_rate", "volume_p95_relative", "frames", "voiced_frames")),
        *("floor.pitch.median_cents", "floor.pitch.p95_cents", "floor.pitch.max_cents", "floor.confidence.p95"),
        *(f"truth.{side}.{name}" for side in ("baseline", "variant") for name in sung),
        *("truth.delay_ms", "truth.best_threshold", "speed.threads"),
        *(f"speed.{side}.{name}" for side in ("baseline", "variant") for name in timed),
        *(f"speed.speedup_{name}" for name in ("p50", "low", "high")),
        *("speed.real_time_factor", "speed.deadline_miss_rate", "speed.load_ms", "speed.cold_first_step_ms"),
        "speed.peak_rss_bytes",
    }
    assert promised <= set(gate_metrics())


def test_gate_metrics_exclude_text_and_lists() -> None:
    named = gate_metrics()
    assert len(set(named)) == len(named)
    assert {path.split(".")[0] for path in named} == {
        "program",
        "latency",
        "deviation",
        "floor",
        "truth",
        "speed",
        "deviation_over_sizes",
    }
    last = {path.rpartition(".")[2] for path in named}
    texts = {"name", "path", "sha256", "state", "dither", "voiced_by", "null_reasons", "schema_version"}
    lists = {"clips", "tied_frames", "delegates", "quantized_ops", "float_ops", "bytes_by_part", "bytes_by_kind"}
    assert not last & (texts | lists)
    assert not {path for path in named if "clips." in path or "tied_frames." in path}
