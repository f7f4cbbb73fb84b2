"""The record of a sweep: what each combination of chunk, mirror and rate does. `sweep.json`, schema_version 1."""

from typing import Any, Literal, TypeVar

from workbench.measure.delay import StepDelay
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.metrics import Verdict, metric_value
from workbench.records.result import RecipeUsed, Result
from workbench.runtime.state_protocol import ScoringProtocol

SWEEP_NAME, PICTURE_NAME = "sweep.json", "sweep.png"
_S = TypeVar("_S", bound=RecordModel)
Figure = tuple[float | None, str]


class SweepSetting(RecordModel):
    """A combination: one program, if there can be one."""

    sample_rate_hz: int
    chunk_samples: int
    mirror: float

    @property
    def chunk_ms(self) -> float:
        return 1000.0 * self.chunk_samples / self.sample_rate_hz

    @property
    def keys(self) -> dict[str, Any]:
        """As a recipe says it."""
        return self.model_dump(exclude={"null_reasons"})

    @property
    def suffix(self) -> str:
        """What it adds to the recipe's name, and so to its folder's."""
        return f"rate={self.sample_rate_hz},chunk={self.chunk_samples},mirror={self.mirror:g}"


class Side(RecordModel):
    """Accuracy against the known f0, the measured delay (see `measure/onset.py`), and the cost of a call:
    `real_time_factor` is the median call by the chunk's period."""

    rpa50: float | None
    voicing_recall: float | None
    delay_ms: float | None
    delay_shortest_ms: float | None
    delay_longest_ms: float | None
    p50_ms: float | None
    real_time_factor: float | None


class SweepPoint(RecordModel):
    """One setting: measured, or failed (there is no program that runs), or refused (there cannot be one), or
    inconclusive (there is one, which this machine cannot run), and why.

    `geometry_ms` is `latency.algorithmic_ms` and half a chunk: what a measured delay is to be held against.
    """

    setting: SweepSetting
    status: Literal["measured", "failed", "refused", "inconclusive"]
    reasons: tuple[str, ...]
    verdict: Verdict | None
    algorithmic_ms: float | None
    geometry_ms: float | None
    pitch_p95_cents: float | None
    pitch_max_cents: float | None
    program_bytes: float | None
    baseline: Side | None
    variant: Side | None


class Sweep(RecordModel):
    """All points of one recipe, in the order of rate, mirror, chunk."""

    schema_version: Literal[1] = 1
    created: str
    recipe: RecipeUsed
    protocol: ScoringProtocol
    environment: Environment
    clips: tuple[str, ...]
    points: tuple[SweepPoint, ...]

    @property
    def title(self) -> str:
        """With UNFAIR in front where it is."""
        words = self.protocol.label
        return f"{words}\n" * bool(words) + f"{self.recipe.name}: chunk, mirror and rate"


def refused(setting: SweepSetting, reason: str) -> SweepPoint:
    """The point of a setting that cannot be."""
    return _with_null_reasons(SweepPoint, {}, reason, setting=setting, status="refused", reasons=(reason,))


def failed(setting: SweepSetting, record: Result, reason: str) -> SweepPoint:
    """The point of a program that could not be made, or did not outlive the tone."""
    reasons = record.reasons if reason in record.reasons else (*record.reasons, reason)
    figures = _figures(setting, record)
    return _with_null_reasons(
        SweepPoint, figures, reason, setting=setting, status="failed", reasons=reasons, verdict="fail"
    )


def not_run(setting: SweepSetting, record: Result) -> SweepPoint:
    """The point of a program that cannot run on this machine."""
    known = {"setting": setting, "status": "inconclusive", "reasons": record.reasons, "verdict": record.verdict}
    return _with_null_reasons(SweepPoint, _figures(setting, record), record.not_run_here, **known)


def measured(setting: SweepSetting, record: Result, onsets: dict[str, StepDelay]) -> SweepPoint:
    """The point of a record with a program; `onsets` of "baseline" and "variant"."""
    sides = {name: _side(name, setting, record, onset) for name, onset in onsets.items()}
    known = {"setting": setting, "status": "measured", "reasons": record.reasons, "verdict": record.verdict}
    return _with_null_reasons(SweepPoint, _figures(setting, record), "", **known, **sides)


def _figures(setting: SweepSetting, record: Result) -> dict[str, Figure]:
    algorithmic_ms = record.latency.algorithmic_ms
    return {
        "algorithmic_ms": (algorithmic_ms, ""),
        "geometry_ms": (algorithmic_ms + setting.chunk_ms / 2, ""),
        "pitch_p95_cents": metric_value("deviation.pitch.p95_cents", record),
        "pitch_max_cents": metric_value("deviation.pitch.max_cents", record),
        "program_bytes": metric_value("program.bytes", record),
    }


def _side(name: str, setting: SweepSetting, record: Result, onset: StepDelay) -> Side:
    p50_ms, why = metric_value(f"speed.{name}.p50_ms", record)
    late = onset.null_reasons.get("delay_ms", "")
    figures: dict[str, Figure] = {
        "rpa50": metric_value(f"truth.{name}.rpa50", record),
        "voicing_recall": metric_value(f"truth.{name}.voicing_recall", record),
        "delay_ms": (onset.delay_ms, late),
        "delay_shortest_ms": (onset.shortest_ms, late),
        "delay_longest_ms": (onset.longest_ms, late),
        "p50_ms": (p50_ms, why),
        "real_time_factor": (None if p50_ms is None else p50_ms / setting.chunk_ms, why),
    }
    return _with_null_reasons(Side, figures, "")


def _with_null_reasons(section: type[_S], figures: dict[str, Figure], reason: str, **known: Any) -> _S:
    """A section of figures and what is known; null for `reason` where there is neither."""
    values = {name: value for name, (value, _) in figures.items()}
    reasons = {name: why for name, (value, why) in figures.items() if value is None}
    missing = set(section.model_fields) - {"null_reasons"} - set(values) - set(known)
    nulls = reasons | dict.fromkeys(missing, reason)
    return section(**values, **known, **dict.fromkeys(missing), null_reasons=nulls)
