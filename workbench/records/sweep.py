"""The record of a sweep: what each combination of chunk, mirror and rate does. `sweep.json`, schema_version 1."""

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar

from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.metrics import Verdict, metric_value
from workbench.records.result import RecipeUsed, Result
from workbench.runtime.state_protocol import ScoringProtocol

SWEEP_NAME, SWEEP_PLOT_NAME = "sweep.json", "sweep.png"
_R = TypeVar("_R", bound=RecordModel)
_Number = tuple[float | None, str]
"""A number and "", or None and the reason why there is none."""


class SweepSetting(RecordModel):
    """One combination. At most one program belongs to it.

    Attributes:
        sample_rate_hz: The sample rate.
        chunk_samples: The samples of a call.
        mirror: The share of the window's future half that is padded.
    """

    sample_rate_hz: int
    chunk_samples: int
    mirror: float

    @property
    def chunk_ms(self) -> float:
        """The period of a chunk."""
        return 1000.0 * self.chunk_samples / self.sample_rate_hz

    @property
    def keys(self) -> dict[str, Any]:
        """The recipe keys that it sets."""
        return self.model_dump(exclude={"null_reasons"})

    @property
    def suffix(self) -> str:
        """What it adds to the recipe's name, and so to the name of the variant's folder."""
        return f"rate={self.sample_rate_hz},chunk={self.chunk_samples},mirror={self.mirror:g}"


class Side(RecordModel):
    """One side of a point: the baseline or the variant, as in `truth`, `delay`, `steadiness` and `speed` of a result.

    Attributes:
        rpa50: The raw pitch accuracy against known f0.
        voicing_recall: The share of sung frames above the confidence threshold.
        delay_ms: The measured delay: the median over the steps of a tone.
        delay_shortest_ms: The shortest measured delay.
        delay_longest_ms: The longest measured delay.
        tones_std_cents: How far a steady tone moves, `steadiness.<side>.tones.std_cents`.
        tones_p95_cents: The 95th percentile of the absolute error on steady tones.
        glides_p95_cents: The 95th percentile of the absolute error on slow glides.
        p50_ms: The median time of a call.
        real_time_factor: The median time of a call as a share of the chunk's period.
    """

    rpa50: float | None
    voicing_recall: float | None
    delay_ms: float | None
    delay_shortest_ms: float | None
    delay_longest_ms: float | None
    tones_std_cents: float | None = None
    tones_p95_cents: float | None = None
    glides_p95_cents: float | None = None
    p50_ms: float | None
    real_time_factor: float | None


class SweepPoint(RecordModel):
    """The figures of one setting.

    Attributes:
        setting: The setting.
        status: `measured`, `failed` (no program runs), `refused` (the model cannot have this setting) or `inconclusive`
            (this machine cannot run the program).
        reasons: The reasons for the status or the verdict.
        verdict: The verdict of the program.
        algorithmic_ms: The delay by geometry, `latency.algorithmic_ms`.
        geometry_ms: The delay to expect: `algorithmic_ms` plus half a chunk.
        pitch_p95_cents: The 95th percentile of the pitch deviation.
        pitch_max_cents: The largest pitch deviation.
        pitch_max_without_jumps_cents: The largest pitch deviation of at most 50 cents.
        over_50_cents_rate: The share of voiced frames that deviate by more than 50 cents.
        program_bytes: The size of the program.
        native_p50_us: The median time of a call in the native host, `speed.native.p50_us`.
        native_p99_us: The 99th percentile there.
        native_speedup_p50: How many times faster than the baseline the program is there.
        baseline: The figures of the baseline.
        variant: The figures of the variant.
    """

    setting: SweepSetting
    status: Literal["measured", "failed", "refused", "inconclusive"]
    reasons: tuple[str, ...]
    verdict: Verdict | None
    algorithmic_ms: float | None
    geometry_ms: float | None
    pitch_p95_cents: float | None
    pitch_max_cents: float | None
    pitch_max_without_jumps_cents: float | None = None
    over_50_cents_rate: float | None = None
    program_bytes: float | None
    native_p50_us: float | None = None
    native_p99_us: float | None = None
    native_speedup_p50: float | None = None
    baseline: Side | None
    variant: Side | None

    @classmethod
    def refused(cls, setting: SweepSetting, reason: str) -> Self:
        """The point of a setting that the model cannot have."""
        return _with_null_reasons(cls, {}, reason, setting=setting, status="refused", reasons=(reason,))

    @classmethod
    def failed(cls, setting: SweepSetting, result: Result, reason: str) -> Self:
        """The point of a program that could not be built."""
        reasons = result.reasons if reason in result.reasons else (*result.reasons, reason)
        known = {"setting": setting, "status": "failed", "reasons": reasons, "verdict": "fail"}
        return _with_null_reasons(cls, _numbers(setting, result), reason, **known)

    @classmethod
    def not_run(cls, setting: SweepSetting, result: Result) -> Self:
        """The point of a program that this machine cannot run."""
        known = {"setting": setting, "status": "inconclusive", "reasons": result.reasons, "verdict": result.verdict}
        return _with_null_reasons(cls, _numbers(setting, result), result.not_run_here, **known)

    @classmethod
    def measured(cls, setting: SweepSetting, result: Result) -> Self:
        """The point of a scored program."""
        sides = {name: _side(name, setting, result) for name in ("baseline", "variant")}
        known = {"setting": setting, "status": "measured", "reasons": result.reasons, "verdict": result.verdict}
        return _with_null_reasons(cls, _numbers(setting, result), "", **known, **sides)


class Sweep(RecordModel):
    """All points of one recipe, in the order of rate, mirror, chunk.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        recipe: The recipe that was varied.
        protocol: How the state of each side was handled.
        environment: The machine and the library versions.
        clips: The clips that were scored.
        points: The figures of each setting.
    """

    schema_version: Literal[1] = 1
    created: str
    recipe: RecipeUsed
    protocol: ScoringProtocol
    environment: Environment
    clips: tuple[str, ...]
    points: tuple[SweepPoint, ...]

    @property
    def title(self) -> str:
        """The title of table and plot; its first line is a warning if the scoring protocol is unfair."""
        title = f"{self.recipe.name}: chunk, mirror and rate"
        return f"{self.protocol.label}\n{title}" if self.protocol.label else title


def _numbers(setting: SweepSetting, result: Result) -> dict[str, _Number]:
    return {
        "algorithmic_ms": (result.latency.algorithmic_ms, ""),
        "geometry_ms": (result.latency.algorithmic_ms + setting.chunk_ms / 2, ""),
        "pitch_p95_cents": metric_value("deviation.pitch.p95_cents", result),
        "pitch_max_cents": metric_value("deviation.pitch.max_cents", result),
        "pitch_max_without_jumps_cents": metric_value("deviation.pitch.max_without_jumps_cents", result),
        "over_50_cents_rate": metric_value("deviation.pitch.over_50_cents_rate", result),
        "program_bytes": metric_value("program.bytes", result),
        "native_p50_us": metric_value("speed.native.p50_us", result),
        "native_p99_us": metric_value("speed.native.p99_us", result),
        "native_speedup_p50": metric_value("speed.native.speedup_p50", result),
    }


def _side(name: str, setting: SweepSetting, result: Result) -> Side:
    p50_ms, no_time = metric_value(f"speed.{name}.p50_ms", result)
    numbers: dict[str, _Number] = {
        "rpa50": metric_value(f"truth.{name}.rpa50", result),
        "voicing_recall": metric_value(f"truth.{name}.voicing_recall", result),
        "delay_ms": metric_value(f"delay.{name}.delay_ms", result),
        "delay_shortest_ms": metric_value(f"delay.{name}.shortest_ms", result),
        "delay_longest_ms": metric_value(f"delay.{name}.longest_ms", result),
        "tones_std_cents": metric_value(f"steadiness.{name}.tones.std_cents", result),
        "tones_p95_cents": metric_value(f"steadiness.{name}.tones.p95_cents", result),
        "glides_p95_cents": metric_value(f"steadiness.{name}.glides.p95_cents", result),
        "p50_ms": (p50_ms, no_time),
        "real_time_factor": (None if p50_ms is None else p50_ms / setting.chunk_ms, no_time),
    }
    return _with_null_reasons(Side, numbers, "")


def _with_null_reasons(model: type[_R], numbers: Mapping[str, _Number], reason: str, **known: Any) -> _R:
    """Builds a model from numbers and other known fields; every other field is null for `reason`."""
    values = {name: value for name, (value, _) in numbers.items()}
    missing = set(model.model_fields) - {"null_reasons"} - set(values) - set(known)
    nulls = {name: why for name, (value, why) in numbers.items() if value is None} | dict.fromkeys(missing, reason)
    return model(**values, **known, **dict.fromkeys(missing), null_reasons=nulls)
