"""How long a call takes, of all variants: upstream in eager PyTorch, the program in Python, and in the native host."""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.measure.speed import Speed
from workbench.records.metrics import Verdict
from workbench.report.html.axis import LogAxis, Ticks, log_axis
from workbench.report.html.variant import VariantView

_Percentiles = tuple[float, float, float, float]
"""The median, the 95th and the 99th percentile and the longest, in milliseconds."""


@dataclass(frozen=True)
class SideTimes:
    """Positions of the times of one side's calls, in percent, and its median in milliseconds."""

    side: str
    p50: float
    p95: float
    p99: float
    max: float
    p50_ms: float


@dataclass(frozen=True)
class LatencyRow:
    """The sides of one variant, the native host last. `text` has their medians, that of the native host in front."""

    name: str
    verdict: Verdict
    fair: bool
    chunk: float
    sides: list[SideTimes]
    text: str
    calls: int
    rounds: int
    threads: int


@dataclass(frozen=True)
class LatencyChart:
    rows: list[LatencyRow]
    ticks: Ticks
    natively: bool


def latency_chart(variants: Sequence[VariantView]) -> LatencyChart:
    """Returns a row for each variant that was timed: its sides from median to slowest call, on one axis."""
    speeds = [view.speed for view in variants if view.speed]
    axis = log_axis(
        ms for speed in speeds for ms in (speed.chunk_ms, *(ms for side in _sides_ms(speed).values() for ms in side))
    )
    rows = [_latency_row(view, view.speed, axis) for view in variants if view.speed]
    return LatencyChart(rows, axis.ticks(), natively=any(speed.native for speed in speeds))


def _sides_ms(speed: Speed) -> dict[str, _Percentiles]:
    sides = {
        side: (times.p50_ms, times.p95_ms, times.p99_ms, times.max_ms)
        for side, times in (("baseline", speed.baseline), ("variant", speed.variant))
    }
    if native := speed.native:
        sides["native"] = (native.p50_us / 1000, native.p95_us / 1000, native.p99_us / 1000, native.max_us / 1000)
    return sides


def _latency_row(view: VariantView, speed: Speed, axis: LogAxis) -> LatencyRow:
    sides = []
    for name, times_ms in _sides_ms(speed).items():
        p50, p95, p99, longest = map(axis.percent, times_ms)
        sides.append(SideTimes(name, p50=p50, p95=p95, p99=p99, max=longest, p50_ms=times_ms[0]))
    return LatencyRow(
        name=view.name,
        verdict=view.verdict,
        fair=view.fair,
        chunk=axis.percent(speed.chunk_ms),
        sides=sides,
        text=_text(speed),
        calls=speed.rounds * speed.chunks_per_round,
        rounds=speed.rounds,
        threads=speed.threads,
    )


def _text(speed: Speed) -> str:
    session, native = speed.variant.p50_ms, speed.native
    text = f"{speed.baseline.p50_ms:.2f} → {session:.2f} ms"
    late = speed.deadline_miss_rate
    if native:
        text = f"{speed.baseline.p50_ms:.2f} → {native.p50_us / 1000:.3f} ms, in Python {session:.2f}"
        late = native.deadline_miss_rate
    return f"{text}, {late:.1%} late" if late else text
