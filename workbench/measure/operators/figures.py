"""The figures of a profile: where the time of a program goes, and how far each layer is from its bound."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from workbench.measure.operators.layer_costs import Layer
from workbench.measure.operators.placement import PlacedOperator
from workbench.measure.operators.recording import Microseconds, Recording
from workbench.measure.operators.roofline import Bound, Peaks, bound
from workbench.measure.spread import Spread
from workbench.record_model import RecordModel

MODEL = "model"
"""The layer of operators that are in none: the log, the crop, the audio ring, and the shapes of the outputs."""


class OperatorFigures(RecordModel):
    """An operator of the program.

    Attributes:
        name: The runtime's name of its kind, for example `Fully Connected (NC, F32) GEMM`.
        backend: The backend of its delegate; "" for a kernel outside of the delegates.
        layer: The innermost layer in the model that it comes from. Null if it is not known.
        us: Its median time in microseconds. That of a kernel has what calling it takes.
    """

    name: str
    backend: str
    layer: str | None
    us: float


class KindFigures(RecordModel):
    """All operators of one kind.

    Attributes:
        name: The runtime's name of the kind.
        operators: How many there are in a call.
        us: Their time together in microseconds.
        share: That time as a share of the sum of the profile.
    """

    name: str
    operators: int
    us: Spread
    share: float


class LayerFigures(RecordModel):
    """A layer of the model. Times are microseconds of a call.

    Attributes:
        name: The name of the layer; `model` has the operators that are in no layer.
        operators: How many operators it has.
        us: Their time together.
        preparation_us: The time that delegates take to prepare these operators in every call.
        share: The two times as a share of the sum of the profile.
        macs: Multiply-adds.
        weight_bytes: Bytes of its weights.
        bound: Its least time at the machine's peak rates. Null if it has no multiply-adds and no weights.
        efficiency: The bound divided by the two times, 1 at the bound. Null without a bound.
        above_bound_us: The two times less the bound. Null without a bound.
        costs: Its parts that multiply.
    """

    name: str
    operators: int
    us: Spread
    preparation_us: float
    share: float
    macs: int
    weight_bytes: int
    bound: Bound | None
    efficiency: float | None
    above_bound_us: float | None
    costs: tuple[Layer, ...]

    @property
    def total_us(self) -> float:
        """The time of its operators and of preparing them."""
        return self.us.p50 + self.preparation_us


class Totals(RecordModel):
    """Where the time of a call goes, in microseconds. Each is the median call of a round, with its spread over rounds.

    Attributes:
        program_us: A call in the native host, which records nothing.
        operators: The number of operators inside delegates.
        delegated_us: The operators inside delegates.
        preparation_us: What the delegates take before their first operators: they prepare each operator in every call.
        preparation_per_operator_us: That time divided by the number of operators. Null without operators in delegates.
        kernels: The number of kernels outside the delegates.
        kernels_us: Those kernels, with what calling them takes.
        call_us: The rest of a call: the runtime's own time, and handing over the audio and the state.
        sum_us: The sum of the four.
        difference: `sum_us` / `program_us` - 1 in each round.
        recorded_us: A call while operators are recorded. Recording is in none of the other times.
        bound_us: The sum of the bounds of all layers. Null if operators have no layers.
    """

    program_us: Spread
    operators: int
    delegated_us: Spread
    preparation_us: Spread
    preparation_per_operator_us: float | None
    kernels: int
    kernels_us: Spread
    call_us: Spread
    sum_us: Spread
    difference: Spread
    recorded_us: Spread
    bound_us: float | None


def layer_group(name: str) -> str:
    """Returns the layer that a row is about, for example `encoder.prefilter.0` for `encoder.prefilter.0.lift`."""
    found = re.match(r"encoder\.prefilter\.\d+|frontend\.group\.\d+|encoder\.\w+", name)
    return found[0] if found else name.partition(".")[0] or MODEL


def operator_figures(recording: Recording) -> tuple[OperatorFigures, ...]:
    """Returns the operators in the order in which they run."""
    return tuple(
        OperatorFigures(
            name=operator.name,
            backend=operator.backend,
            layer=None if operator.layer is None else operator.layer or MODEL,
            us=float(us),
            null_reasons={"layer": no_layer_reason(recording, operator)} if operator.layer is None else {},
        )
        for operator, us in zip(
            recording.placement.operators, np.median(recording.operators_us, axis=(0, 1)), strict=True
        )
    )


def no_layer_reason(recording: Recording, operator: PlacedOperator) -> str:
    """Returns why an operator has no layer."""
    return recording.placement.mismatch or f"{operator.backend or 'the runtime'} does not report the layer"


def kind_figures(recording: Recording) -> tuple[KindFigures, ...]:
    """Returns the kinds of operators, those that take longest first."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for index, operator in enumerate(recording.placement.operators):
        kinds[operator.name].append(index)
    found = [
        KindFigures(
            name=name,
            operators=len(members),
            us=Spread.over_rounds(_per_round(recording.operators_us[..., members].sum(-1))),
            share=float(np.median(recording.operators_us[..., members].sum(-1) / recording.sum_us)),
        )
        for name, members in kinds.items()
    ]
    return tuple(sorted(found, key=lambda kind: -kind.us.p50))


def layer_figures(recording: Recording, costs: Sequence[Layer], rates: Peaks) -> tuple[LayerFigures, ...] | None:
    """Returns the layers in the order in which they run, or None if an operator has no layer.

    A layer whose operators are in several places has that of the middle one.
    """
    operators = recording.placement.operators
    layers: dict[str, list[int]] = defaultdict(list)
    for index, operator in enumerate(operators):
        if operator.layer is None:
            return None
        layers[layer_group(operator.layer)].append(index)
    each_us = recording.preparation_us / max(1, sum(bool(operator.backend) for operator in operators))
    found = []
    for name, members in sorted(layers.items(), key=lambda item: item[1][len(item[1]) // 2]):
        own = [cost for cost in costs if layer_group(cost.name) == name]
        us = recording.operators_us[..., members].sum(-1)
        preparation_us = each_us * sum(bool(operators[index].backend) for index in members)
        spread, preparation = Spread.over_rounds(_per_round(us)), float(np.median(preparation_us))
        weight_bytes = sum(cost.bytes for cost in own)
        least = bound(own, weight_bytes, rates)
        total_us = spread.p50 + preparation
        found.append(
            LayerFigures(
                name=name,
                operators=len(members),
                us=spread,
                preparation_us=preparation,
                share=float(np.median((us + preparation_us) / recording.sum_us)),
                macs=sum(cost.macs for cost in own),
                weight_bytes=weight_bytes,
                bound=least,
                efficiency=None if least is None else least.us / total_us,
                above_bound_us=None if least is None else total_us - least.us,
                costs=tuple(own),
                null_reasons={}
                if least
                else dict.fromkeys(("bound", "efficiency", "above_bound_us"), "it has no multiply-adds and no weights"),
            )
        )
    return tuple(found)


def totals(recording: Recording, layers: Iterable[LayerFigures] | None) -> Totals:
    """Returns where the time of a call goes; `layers` are None if they are not known."""
    inside = [bool(operator.backend) for operator in recording.placement.operators]
    count = sum(inside)
    outside = [not each for each in inside]
    preparation_us, program_us = _per_round(recording.preparation_us), _per_round(recording.program_us)
    sum_us = _per_round(recording.sum_us)
    reasons = {} if count else {"preparation_per_operator_us": "the program has no delegate"}
    if layers is None:
        reasons["bound_us"] = "the layers of the operators are not known"
    return Totals(
        program_us=Spread.over_rounds(program_us),
        operators=count,
        delegated_us=Spread.over_rounds(_per_round(recording.operators_us[..., inside].sum(-1))),
        preparation_us=Spread.over_rounds(preparation_us),
        preparation_per_operator_us=float(np.median(preparation_us)) / count if count else None,
        kernels=sum(outside),
        kernels_us=Spread.over_rounds(_per_round(recording.operators_us[..., outside].sum(-1))),
        call_us=Spread.over_rounds(_per_round(recording.rest_us)),
        sum_us=Spread.over_rounds(sum_us),
        difference=Spread.over_rounds(sum_us / program_us - 1),
        recorded_us=Spread.over_rounds(_per_round(recording.recorded_us)),
        bound_us=None if layers is None else sum(layer.bound.us for layer in layers if layer.bound),
        null_reasons=reasons,
    )


def _per_round(us: Microseconds) -> Microseconds:
    """(rounds, calls) -> (rounds,): the median call of each round."""
    return np.asarray(np.median(us, axis=1))


def furthest_from_bound(layers: Sequence[LayerFigures], count: int) -> list[LayerFigures]:
    """Returns the layers whose time is furthest above the bound, at most `count`, the furthest first."""
    above = [layer for layer in layers if layer.above_bound_us is not None and layer.above_bound_us > 0]
    return sorted(above, key=lambda layer: -(layer.above_bound_us or 0))[:count]
