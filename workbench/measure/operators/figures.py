"""The figures of a profile: where the time of a program goes, and how far each part is from its bound."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.measure.operators.layer_costs import Layer
from workbench.measure.operators.roofline import Bound, Peaks, Probe, bound, peaks
from workbench.measure.operators.timing import PartTimes
from workbench.measure.speed import Milliseconds
from workbench.measure.spread import Spread
from workbench.record_model import RecordModel
from workbench.units import cents_between

Microseconds = NDArray[np.float64]


class PartFigures(RecordModel):
    """One part of a program. Times are median calls in microseconds, with their spread over rounds.

    Attributes:
        name: The name of the part.
        us: Its call as timed, with the overhead of Python and the runtime.
        net_us: Its call less the empty call of the same round. Null if some rounds leave no positive time.
        share: Its share of the net time of all parts. Null if `net_us` is null.
        macs: Multiply-adds of a call.
        weight_bytes: Bytes of its constants.
        bound: Its least time at the machine's peak rates. Null if it has no multiply-adds and no weights.
        efficiency: `bound.us` / `net_us`, 1 at the bound. Null if one of the two is null.
        above_bound_us: `net_us` - `bound.us`, which a perfect kernel would save. Null if one of the two is null.
        layers: Its layers that multiply.
    """

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
    """The whole program beside its parts. Times are median calls in microseconds, with their spread over rounds.

    Attributes:
        program_us: A call of the program.
        empty_us: A call of a module that computes next to nothing.
        sum_us: All parts as timed.
        net_sum_us: All parts, each less an empty call.
        explained: (`net_sum_us` + `empty_us`) / `program_us` in each round: 1 if the parts explain all of the program.
        bound_us: The sum of the bounds of all parts.
        pitch_difference_max_cents: The largest difference between the pitch of the chain of parts and the program's,
            over the warm-up calls.
    """

    program_us: Spread
    empty_us: Spread
    sum_us: Spread
    net_sum_us: Spread
    explained: Spread
    bound_us: float
    pitch_difference_max_cents: float


@dataclass(frozen=True)
class PartCosts:
    """What a part costs before it is timed: its layers, and the bytes of its constants."""

    name: str
    layers: Sequence[Layer]
    weight_bytes: int


@dataclass(frozen=True)
class ProfileFigures:
    """The figures of a profile: of the program, of each part in order, and of the machine."""

    totals: Totals
    parts: tuple[PartFigures, ...]
    peaks: Peaks


def figures(costs: Sequence[PartCosts], probes: Sequence[Probe], times: PartTimes) -> ProfileFigures:
    """Returns the figures of a profile.

    Args:
        costs: The costs of the parts, in the order of `times.parts_ms`.
        probes: The probes that were timed.
        times: The times of all of them.
    """
    program_us, empty_us = _per_round_us(times.program_ms), _per_round_us(times.empty_ms)
    sum_us = _per_round_us(times.parts_ms.sum(-1))
    net_sum_us = sum_us - len(costs) * empty_us
    rates = peaks((probe, times.probes_ms[probe.name].min(1) - empty_us / 1000) for probe in probes)
    parts = tuple(
        _part_figures(part, _per_round_us(times.parts_ms[..., index]), empty_us, net_sum_us, rates)
        for index, part in enumerate(costs)
    )
    difference_cents = np.abs(cents_between(times.chain_semitones, times.program_semitones))
    totals = Totals(
        program_us=Spread.over_rounds(program_us),
        empty_us=Spread.over_rounds(empty_us),
        sum_us=Spread.over_rounds(sum_us),
        net_sum_us=Spread.over_rounds(net_sum_us),
        explained=Spread.over_rounds((net_sum_us + empty_us) / program_us),
        bound_us=sum(part.bound.us for part in parts if part.bound),
        pitch_difference_max_cents=float(difference_cents.max()),
    )
    return ProfileFigures(totals, parts, rates)


def _part_figures(
    part: PartCosts, us: Microseconds, empty_us: Microseconds, net_sum_us: Microseconds, rates: Peaks
) -> PartFigures:
    net = Spread.over_rounds(us - empty_us)
    least = bound(part.layers, part.weight_bytes, rates)
    nulls: dict[str, str] = {}
    if net.low <= 0:
        nulls |= dict.fromkeys(("net_us", "share"), "its call does not take longer than an empty one")
    if least is None:
        nulls["bound"] = "it has no multiply-adds and no weights"
    if nulls:
        nulls |= dict.fromkeys(("efficiency", "above_bound_us"), nulls.get("bound") or nulls["net_us"])
    comparable = not nulls and least is not None
    return PartFigures(
        name=part.name,
        us=Spread.over_rounds(us),
        net_us=None if "net_us" in nulls else net,
        share=None if "share" in nulls else float(np.median((us - empty_us) / net_sum_us)),
        macs=sum(layer.macs for layer in part.layers),
        weight_bytes=part.weight_bytes,
        bound=least,
        efficiency=least.us / net.p50 if comparable and least else None,
        above_bound_us=net.p50 - least.us if comparable and least else None,
        layers=tuple(part.layers),
        null_reasons=nulls,
    )


def _per_round_us(ms: Milliseconds) -> Microseconds:
    """(rounds, calls) milliseconds -> (rounds,) microseconds: the median call of each round."""
    return np.asarray(1000 * np.median(ms, axis=1))


def furthest_from_bound(parts: Sequence[PartFigures], count: int) -> list[PartFigures]:
    """Returns the parts whose net time is furthest above the bound, at most `count`, the furthest first."""
    above = [part for part in parts if part.above_bound_us is not None and part.above_bound_us > 0]
    return sorted(above, key=lambda part: -(part.above_bound_us or 0))[:count]
