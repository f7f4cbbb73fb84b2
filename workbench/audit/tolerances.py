"""Which direction of a metric is better, and how much worse it may get without being a regression."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from workbench.errors import WorkbenchError, did_you_mean
from workbench.records.result import gate_metrics

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Tolerance:
    """The larger of an amount, in the metric's unit, and a share of the reference's value.

    `given`: the user set it, so it also applies if the program is unchanged.
    """

    amount: float = 0.0
    share: float = 0.0
    given: bool = False

    def allows(self, change: float, reference: float) -> bool:
        """Whether a change of either sign is within the tolerance."""
        return abs(change) <= max(self.amount, self.share * abs(reference))

    def __str__(self) -> str:
        parts = []
        if self.amount:
            parts.append(f"{self.amount:g}")
        if self.share:
            parts.append(f"{100 * self.share:g}%")
        return " or ".join(parts) or "0"


_CENTS, _LARGEST_CENTS = Tolerance(0.01, 0.1), Tolerance(0.1, 0.1)
_DELAY, _ERROR = Tolerance(1.0, 0.05), Tolerance(0.5, 0.1)
_RATE, _SMALL, _ACCURACY = Tolerance(0.001), Tolerance(1e-4, 0.1), Tolerance(0.002)

DEFAULT_TOLERANCES: dict[str, tuple[Better, Tolerance]] = {
    "program.bytes": ("lower", Tolerance(share=0.01)),
    "latency.algorithmic_ms": ("lower", Tolerance()),
    "delay.variant.delay_ms": ("lower", _DELAY),
    "steadiness.variant.tones.std_cents": ("lower", _ERROR),
    "steadiness.variant.tones.p95_cents": ("lower", _ERROR),
    "steadiness.variant.glides.p95_cents": ("lower", _ERROR),
    "deviation.nonfinite_frames": ("lower", Tolerance()),
    "deviation.pitch.median_cents": ("lower", _CENTS),
    "deviation.pitch.p95_cents": ("lower", _CENTS),
    "deviation.pitch.max_untied_cents": ("lower", _LARGEST_CENTS),
    "deviation.pitch.over_50_cents_rate": ("lower", _RATE),
    "deviation.pitch.octave_rate": ("lower", _RATE),
    "deviation.confidence.p95": ("lower", _SMALL),
    "deviation.confidence.max": ("lower", _SMALL),
    "deviation.voicing_flip_rate": ("lower", _RATE),
    "deviation.volume_p95_relative": ("lower", _SMALL),
    "deviation_over_sizes.worst_p95_cents": ("lower", _CENTS),
    "deviation_over_sizes.worst_max_untied_cents": ("lower", _LARGEST_CENTS),
    "truth.variant.rpa50": ("higher", _ACCURACY),
    "truth.variant.rca50": ("higher", _ACCURACY),
    "truth.variant.voicing_recall": ("higher", _ACCURACY),
    "truth.variant.voicing_false_alarm": ("lower", _ACCURACY),
    "truth.variant.overall": ("higher", _ACCURACY),
    "speed.speedup_p50": ("higher", Tolerance(share=0.1)),
    "speed.native.speedup_p50": ("higher", Tolerance(share=0.1)),
}
"""The metrics that are compared by default. A speedup changed only if the ranges over the rounds do not overlap."""

# Compared on request only: they vary with other work on the machine or with a single frame, or repeat another metric.
ON_REQUEST: dict[str, Better] = {
    "program.portable_nodes": "lower",
    "deviation.pitch.max_without_jumps_cents": "lower",
    "deviation.pitch.max_cents": "lower",
    "deviation.confidence.mean": "lower",
    "truth.rpa50_change": "higher",
    "speed.speedup_low": "higher",
    "speed.variant.p50_ms": "lower",
    "speed.variant.p95_ms": "lower",
    "speed.variant.p99_ms": "lower",
    "speed.variant.max_ms": "lower",
    "speed.real_time_factor": "lower",
    "speed.deadline_miss_rate": "lower",
    "speed.load_ms": "lower",
    "speed.cold_first_step_ms": "lower",
    "speed.peak_rss_bytes": "lower",
    "speed.native.p50_us": "lower",
    "speed.native.p95_us": "lower",
    "speed.native.p99_us": "lower",
    "speed.native.max_us": "lower",
    "speed.native.speedup_low": "higher",
    "speed.native.deadline_miss_rate": "lower",
    "speed.native.load_ms": "lower",
    "speed.native.first_call_us": "lower",
    "speed.native.peak_rss_bytes": "lower",
    "speed.native.allocations_per_call": "lower",
}

_GIVEN = re.compile(r"([^=]+)=([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)(%?)")


def better_directions() -> dict[str, Better]:
    """Returns whether lower or higher is better, for each metric that can be compared."""
    return {metric: better for metric, (better, _) in DEFAULT_TOLERANCES.items()} | ON_REQUEST


def parse_tolerances(given: Iterable[str]) -> dict[str, tuple[Better, Tolerance]]:
    """Returns DEFAULT_TOLERANCES with each given "METRIC=VALUE" or "METRIC=10%" added or replaced.

    Raises:
        WorkbenchError: if one has another form, or a metric is unknown or has no better direction.
    """
    known = better_directions()
    chosen = dict(DEFAULT_TOLERANCES)
    for text in given:
        found = _GIVEN.fullmatch(text.replace(" ", ""))
        if found is None:
            raise WorkbenchError(f"--tolerance {text}: expected METRIC=VALUE or METRIC=10%")
        metric, number, percent = found.groups()
        if metric not in known:
            problem = (
                "has no better direction, so it cannot get worse"
                if metric in gate_metrics()
                else "is not a metric of the record"
            )
            raise WorkbenchError(f"--tolerance {text}: {metric} {problem}{did_you_mean(metric, known)}")
        value = float(number)
        amount, share = (0.0, value / 100) if percent else (value, 0.0)
        chosen[metric] = (known[metric], Tolerance(amount, share, given=True))
    return chosen
