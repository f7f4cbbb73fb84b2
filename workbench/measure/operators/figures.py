"""What the times of a program and of its parts amount to: where time goes, and how far each part is from its bound."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.measure.operators.layer_costs import Layer
from workbench.measure.operators.roofline import Bound, Peaks, Probe, bound, peaks
from workbench.measure.operators.timing import Times
from workbench.measure.spread import Spread
from workbench.record_model import RecordModel
from workbench.units import CENTS_PER_SEMITONE


class PartFigures(RecordModel):
    """One part. `us` is its call as timed, `net_us` less an empty call of the same round, `share` of all parts' net
    time; `efficiency` is bound by net time, `above_bound_us` the difference: what a perfect kernel would save."""

    name: str
    us: Spread
    net_us: Spread | None
    share: float | None
    macs: int
    weight_bytes: int
    bound: Bound | None
    efficiency: float | None
    above_bound_us: float | None
    layers: tuple[Layer, ...]


class Totals(RecordModel):
    """Microseconds of a call. `sum_us` is of all parts as timed, `net_sum_us` less an empty call for each; `explained`
    is the net sum and one empty call by the program's own time, in each round. `bound_us` is the sum of all bounds."""

    program_us: Spread
    empty_us: Spread
    sum_us: Spread
    net_sum_us: Spread
    explained: Spread
    bound_us: float
    pitch_difference_max_cents: float  # of the chain of parts and the program, over the calls before the first round


@dataclass(frozen=True)
class Counted:
    """A part before it is timed."""

    name: str
    layers: Sequence[Layer]
    weight_bytes: int


def figures(
    counted: Sequence[Counted], probes: Sequence[Probe], times: Times
) -> tuple[Totals, tuple[PartFigures, ...], Peaks]:
    """The figures of parts in the order of `times`, and the peaks that their bounds are taken from."""
    program_us, empty_us = _per_round_us(times.program_ms), _per_round_us(times.empty_ms)
    sum_us = _per_round_us(times.parts_ms.sum(-1))
    net_sum_us = sum_us - len(counted) * empty_us
    found_peaks = peaks((probe, times.probes_ms[probe.name].min(1) - empty_us / 1000) for probe in probes)
    parts = tuple(
        _part(part, _per_round_us(times.parts_ms[..., at]), empty_us, net_sum_us, found_peaks)
        for at, part in enumerate(counted)
    )
    apart = np.abs(times.chain_semitones - times.program_semitones).max() * CENTS_PER_SEMITONE
    totals = Totals(
        program_us=Spread.over_rounds(program_us),
        empty_us=Spread.over_rounds(empty_us),
        sum_us=Spread.over_rounds(sum_us),
        net_sum_us=Spread.over_rounds(net_sum_us),
        explained=Spread.over_rounds((net_sum_us + empty_us) / program_us),
        bound_us=sum(part.bound.us for part in parts if part.bound),
        pitch_difference_max_cents=float(apart),
    )
    return totals, parts, found_peaks


def _part(
    part: Counted,
    us: NDArray[np.float64],
    empty_us: NDArray[np.float64],
    net_sum_us: NDArray[np.float64],
    at: Peaks,
) -> PartFigures:
    net = Spread.over_rounds(us - empty_us)
    least = bound(part.layers, part.weight_bytes, at)
    nulls: dict[str, str] = {}
    if net.low <= 0:  # in one round of ten and more, an empty call takes as long
        nulls |= dict.fromkeys(("net_us", "share"), "its call is not told apart from an empty one")
    if least is None:
        nulls["bound"] = "it multiplies nothing and stores nothing"
    if nulls:
        why = nulls.get("bound") or nulls["net_us"]
        nulls |= dict.fromkeys(("efficiency", "above_bound_us"), why)
    known = not nulls and least is not None
    return PartFigures(
        name=part.name,
        us=Spread.over_rounds(us),
        net_us=None if "net_us" in nulls else net,
        share=None if "share" in nulls else float(np.median((us - empty_us) / net_sum_us)),
        macs=sum(layer.macs for layer in part.layers),
        weight_bytes=part.weight_bytes,
        bound=least,
        efficiency=least.us / net.p50 if known and least else None,
        above_bound_us=net.p50 - least.us if known and least else None,
        layers=tuple(part.layers),
        null_reasons=nulls,
    )


def _per_round_us(ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """(rounds, calls) milliseconds -> (rounds,) microseconds: each round's median call."""
    per_round: NDArray[np.float64] = 1000 * np.median(ms, axis=1)
    return per_round


def furthest_from_bound(parts: Sequence[PartFigures], count: int) -> list[PartFigures]:
    """The parts that are furthest above their bounds, in time."""
    known = [part for part in parts if part.above_bound_us is not None and part.above_bound_us > 0]
    return sorted(known, key=lambda part: -(part.above_bound_us or 0))[:count]
