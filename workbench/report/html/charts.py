"""The charts of one variant: where its bytes and its time are, and what int8 does to its layers.

Positions and widths are percent of the chart's width.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.audit.weight_groups import weight_groups
from workbench.quantize.results import LayerSnr, TensorRange
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult
from workbench.report.highlights import noisiest_layer
from workbench.report.html.axis import LinearAxis, Ticks, linear_axis

if TYPE_CHECKING:
    from workbench.measure.operators.figures import LayerFigures, Totals

PROFILE_NAME = "profile.json"  # as in records/profile.py, which imports torch and so is imported only if there is one


@dataclass(frozen=True)
class Bar:
    name: str
    bytes: int
    width: float


@dataclass(frozen=True)
class BarChart:
    title: str
    rows: list[Bar]


@dataclass(frozen=True)
class WeightBar:
    """Layers of one kind with integer weights: their bytes, and those of the same weights in float32."""

    name: str
    scheme: str
    layers: int
    bytes: int
    float_bytes: int
    width: float
    float_at: float
    error: str


@dataclass(frozen=True)
class LayerTime:
    """The time of a layer with its spread, and its bound; None if it is not known."""

    name: str
    us: float
    at: float
    low_at: float
    high_at: float
    bound_us: float | None
    bound_at: float | None
    macs: int
    weight_bytes: int


@dataclass(frozen=True)
class TimeChart:
    """The layers of a program; `sum_us` is everything that was recorded, `program_us` a call that records nothing."""

    rows: list[LayerTime]
    ticks: Ticks
    program_us: float
    sum_us: float


@dataclass(frozen=True)
class RangeBar:
    """The range that int8 covers, and the range that calibration observed."""

    name: str
    tensor: str
    covered_from: float
    covered_to: float
    observed_from: float
    observed_to: float
    text: str
    scale: str


@dataclass(frozen=True)
class RangeChart:
    title: str
    rows: list[RangeBar]
    ticks: Ticks
    zero: float


@dataclass(frozen=True)
class LayerNoise:
    """Signal to noise of a layer by itself, and with the layers before it in int8; None and a reason if unknown."""

    name: str
    scheme: str
    alone_db: float | None
    through_db: float | None
    alone_at: float | None
    through_at: float | None
    reason: str
    noisiest: bool


@dataclass(frozen=True)
class NoiseChart:
    rows: list[LayerNoise]
    ticks: Ticks


def byte_charts(result: Result) -> list[BarChart]:
    """Returns the bytes by part of the model and by content of the file, largest first; empty without a program."""
    program = result.program
    if program is None:
        return []
    return [
        _bars("Weights and constants by part of the model", program.bytes_by_part),
        _bars("The file by what it holds", program.bytes_by_kind),
    ]


def _bars(title: str, sizes: Mapping[str, int]) -> BarChart:
    largest = max(sizes.values(), default=0) or 1
    ordered = sorted(sizes.items(), key=lambda item: -item[1])
    return BarChart(title, [Bar(name.replace("_", " "), size, 100 * size / largest) for name, size in ordered])


def weight_bars(result: Result) -> list[WeightBar]:
    """Returns the layers with integer weights, those of one kind together; empty if there are none."""
    groups = weight_groups(result.program.weights if result.program else ())
    largest = max((group.float_bytes for group in groups), default=1)
    return [
        WeightBar(
            name=group.kind,
            scheme=group.scheme,
            layers=group.layers,
            bytes=group.bytes,
            float_bytes=group.float_bytes,
            width=100 * group.bytes / largest,
            float_at=100 * group.float_bytes / largest,
            error=f"{group.error_relative:.1e}".replace("e-0", "e-").replace("-", "−"),
        )
        for group in groups
    ]


def time_chart(stored: StoredResult) -> TimeChart | None:
    """Returns the time of each layer from the profile beside the result; None if it has none of this program.

    Raises:
        WorkbenchError: The profile cannot be read.
    """
    program, path = stored.result.program, stored.folder / PROFILE_NAME
    if program is None or not stored.current or not path.is_file():
        return None
    from workbench.records.profile import read_profile

    profile = read_profile(path)
    if profile is None or profile.layers is None or profile.program.sha256 != program.sha256:
        return None
    return _time_chart(profile.layers, profile.totals)


def _time_chart(layers: "Sequence[LayerFigures]", totals: "Totals") -> TimeChart:
    axis = linear_axis(layer.us.high + layer.preparation_us for layer in layers)
    rows = [
        LayerTime(
            name=layer.name,
            us=layer.total_us,
            at=axis.percent(layer.total_us),
            low_at=axis.percent(layer.us.low + layer.preparation_us),
            high_at=axis.percent(layer.us.high + layer.preparation_us),
            bound_us=layer.bound.us if layer.bound else None,
            bound_at=axis.percent(layer.bound.us) if layer.bound else None,
            macs=layer.macs,
            weight_bytes=layer.weight_bytes,
        )
        for layer in layers
    ]
    return TimeChart(rows, axis.ticks(), program_us=totals.program_us.p50, sum_us=totals.sum_us.p50)


def range_charts(result: Result) -> list[RangeChart]:
    """Returns activations on one axis and weights on another: they differ by two orders of magnitude."""
    ranges = result.program.ranges if result.program else ()
    groups = {
        "Activations": [found for found in ranges if found.tensor != "weight"],
        "Weights": [found for found in ranges if found.tensor == "weight"],
    }
    return [_range_chart(title, group) for title, group in groups.items() if group]


def _range_chart(title: str, ranges: Sequence[TensorRange]) -> RangeChart:
    axis = linear_axis(
        value for found in ranges for value in (found.low, found.high, found.observed_low, found.observed_high)
    )
    return RangeChart(title, [_range_bar(found, axis) for found in ranges], axis.ticks(), zero=axis.percent(0))


def _range_bar(found: TensorRange, axis: LinearAxis) -> RangeBar:
    return RangeBar(
        name=found.layer,
        tensor=found.tensor,
        covered_from=axis.percent(found.low),
        covered_to=axis.percent(found.high),
        observed_from=axis.percent(found.observed_low),
        observed_to=axis.percent(found.observed_high),
        text=f"{found.low:.3g} … {found.high:.3g}".replace("-", "−"),
        scale=f"{f'largest of {found.scales} scales' if found.scales > 1 else 'scale'}: {found.scale:.3g}",
    )


def noise_chart(result: Result) -> NoiseChart | None:
    """Returns the signal to noise of each layer; None if it was not measured."""
    calibration = result.program.calibration if result.program else None
    if calibration is None or not calibration.gaps:
        return None
    known_db = [db for gap in calibration.gaps for db in (gap.alone_db, gap.through_db) if db is not None]
    axis = linear_axis([*known_db, 10 * math.ceil(max(known_db, default=50) / 10)])
    noisiest = noisiest_layer(result)
    return NoiseChart([_layer_noise(gap, axis, noisiest) for gap in calibration.gaps], axis.ticks())


def _layer_noise(gap: LayerSnr, axis: LinearAxis, noisiest: LayerSnr | None) -> LayerNoise:
    return LayerNoise(
        name=gap.layer,
        scheme=gap.scheme,
        alone_db=gap.alone_db,
        through_db=gap.through_db,
        alone_at=None if gap.alone_db is None else axis.percent(gap.alone_db),
        through_at=None if gap.through_db is None else axis.percent(gap.through_db),
        reason=gap.null_reasons.get("alone_db", ""),
        noisiest=noisiest is not None and gap.layer == noisiest.layer,
    )
