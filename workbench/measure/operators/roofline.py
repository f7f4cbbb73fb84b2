"""The roofline: the peak rates of the machine in the same runtime, and the least time of a layer at these rates.

Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures",
Communications of the ACM 52 (4), 2009. The memory traffic of a layer is taken to be that of its weights: the tensors
of a frame are small and stay in the nearest cache.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from workbench.measure.operators.layer_costs import Layer
from workbench.measure.speed import Milliseconds
from workbench.measure.spread import Spread
from workbench.record_model import RecordModel

ProbeKind = Literal["float32", "int8", "program-sized", "memory"]
Limit = Literal["multiply-adds", "weights"]


@dataclass(frozen=True)
class Probe:
    """A lowered Linear that measures a peak. With many rows it is limited by multiply-adds, with one by its weights.

    Attributes:
        name: The kind and the shapes.
        kind: The peak that it measures: multiply-adds in float32 or int8, or reading weights, which are as many bytes
            as the program's, or more than the caches hold.
        rows: Rows of its input.
        columns: Columns of its input.
        macs_or_bytes: The work of one call: multiply-adds, or the bytes of the weights.
        pte: The lowered program.
    """

    name: str
    kind: ProbeKind
    rows: int
    columns: int
    macs_or_bytes: int
    pte: bytes

    @property
    def inputs(self) -> Tensor:
        """(rows, columns) float32."""
        return torch.linspace(-1, 1, self.rows * self.columns).reshape(self.rows, self.columns)


class Peaks(RecordModel):
    """The peak rates of the machine, each with the fastest of its probes.

    A rate is that of the fastest call of a round. Bounds are taken from the high end over rounds,
    where other work on the machine disturbed least.

    Attributes:
        float32_gmacs: Multiply-adds in float32, in 1e9 per second.
        float32_what: The probe that reached it.
        int8_gmacs: Multiply-adds in int8, in 1e9 per second.
        int8_what: The probe that reached it.
        int8_over_float32: The ratio of the two, in each round.
        read_gbytes: Reading as many bytes of weights as the program has, from where they stay between calls, in 1e9
            bytes per second.
        read_what: The probe that reached it.
        memory_gbytes: Reading more bytes of weights than the last cache holds, in 1e9 bytes per second.
        memory_what: The probe that reached it.
    """

    float32_gmacs: Spread
    float32_what: str
    int8_gmacs: Spread
    int8_what: str
    int8_over_float32: Spread
    read_gbytes: Spread
    read_what: str
    memory_gbytes: Spread
    memory_what: str


class Bound(RecordModel):
    """The least time of a layer at the peak rates. Computing and reading can overlap.

    Attributes:
        macs_us: The time of its multiply-adds.
        read_us: The time to read its weights.
        us: The larger of the two.
        by: Which of the two is the larger one.
    """

    macs_us: float
    read_us: float
    us: float
    by: Limit


def peaks(timed: Iterable[tuple[Probe, Milliseconds]]) -> Peaks:
    """Returns the peak rates: of each kind, those of the probe with the largest median rate.

    Args:
        timed: Probes, each with the (rounds,) milliseconds of its fastest call.
    """
    fastest: dict[str, tuple[Probe, Milliseconds]] = {}
    for probe, ms in timed:
        rate = probe.macs_or_bytes / ms / 1e6  # 1 per millisecond is 1e-6 times 1e9 per second
        if probe.kind not in fastest or np.median(rate) > np.median(fastest[probe.kind][1]):
            fastest[probe.kind] = probe, rate
    return Peaks(
        float32_gmacs=Spread.over_rounds(fastest["float32"][1]),
        float32_what=fastest["float32"][0].name,
        int8_gmacs=Spread.over_rounds(fastest["int8"][1]),
        int8_what=fastest["int8"][0].name,
        int8_over_float32=Spread.over_rounds(fastest["int8"][1] / fastest["float32"][1]),
        read_gbytes=Spread.over_rounds(fastest["program-sized"][1]),
        read_what=fastest["program-sized"][0].name,
        memory_gbytes=Spread.over_rounds(fastest["memory"][1]),
        memory_what=fastest["memory"][0].name,
    )


def bound(layers: Iterable[Layer], weight_bytes: int, rates: Peaks) -> Bound | None:
    """Returns the least time of a layer, or None if it has no multiply-adds and no weights.

    Args:
        layers: Its parts that multiply.
        weight_bytes: Bytes of all its constants.
        rates: The peak rates of the machine.
    """
    gmacs = {"float32": rates.float32_gmacs.high, "int8": rates.int8_gmacs.high}
    macs_us = sum(layer.macs / gmacs[layer.dtype] / 1e3 for layer in layers)
    read_us = weight_bytes / rates.read_gbytes.high / 1e3
    if not macs_us and not read_us:
        return None
    limit: Limit = "multiply-adds" if macs_us >= read_us else "weights"
    return Bound(macs_us=macs_us, read_us=read_us, us=max(macs_us, read_us), by=limit)
