"""What the machine can do at most, through the same runtime: multiply-adds in float and in int8, and reading weights.

The time that a part cannot go below follows from it: Williams, Waterman and Patterson, "Roofline: an insightful visual
performance model for multicore architectures", Communications of the ACM 52 (4), 2009. Traffic is that of the weights:
what a frame makes is small, and stays in the nearest cache.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.export.executorch import lower_module
from workbench.measure.operators.layer_costs import Layer
from workbench.measure.spread import Spread
from workbench.progress import Progress
from workbench.quantize.annotate import quantize_part
from workbench.recipe import Quantization
from workbench.record_model import RecordModel

Kind = Literal["float32", "int8", "program-sized", "memory"]

_SIDES = (256, 384, 512)  # of products of square matrices: large enough for the kernels, within the nearer caches
_COLUMNS = 1024  # of the matrices of which one row is a product
_UNKNOWN_CACHE_BYTES = 64_000_000
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True)
class Probe:
    """A Linear (rows, columns) -> (rows, ...) to time: with many rows it multiplies, with one it reads its weights."""

    name: str
    kind: Kind
    rows: int
    columns: int
    macs_or_bytes: int  # of a call: multiply-adds, or the weights that it reads
    pte: bytes

    @property
    def inputs(self) -> Tensor:
        return torch.linspace(-1, 1, self.rows * self.columns).reshape(self.rows, self.columns)


class Peaks(RecordModel):
    """Most multiply-adds in units of 1e9 a second (of several sizes, the best), and reads of weights in 1e9 bytes a
    second: as many as the program has, from where they stay between calls, and more than the last cache holds.
    Each is of a round's fastest call, less an empty one; bounds are of the high ends, where least else was going on."""

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
    """Time in microseconds that multiply-adds and weights need at the peaks, the larger of two that can overlap."""

    macs_us: float
    read_us: float
    us: float
    by: Literal["multiply-adds", "weights"]


def probes(weight_bytes: int, progress: Progress) -> list[Probe]:
    """The programs to time, lowered; `weight_bytes` are those of the program."""
    made: list[Probe] = []
    total = 2 * len(_SIDES) + 2

    def add(kind: Kind, linear: nn.Module, rows: int, columns: int, outputs: int, macs_or_bytes: int) -> None:
        progress.report("peaks", len(made), total)
        pte, _ = lower_module(linear, (torch.zeros(rows, columns),), "xnnpack")
        shape = f"{kind}, ({rows} × {columns}) by ({columns} × {outputs})"
        made.append(Probe(shape, kind, rows, columns, macs_or_bytes, pte))

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for side in _SIDES:
            linear = nn.Linear(side, side)
            add("float32", linear, side, side, side, side**3)
            asked = Quantization(parts={"peak": "int8-static"})
            quantized = quantize_part(linear, "peak", asked, (torch.rand(side, side) - 0.5,), lambda _: None).module
            add("int8", quantized, side, side, side, side**3)
        for kind, size in (("program-sized", weight_bytes), ("memory", 2 * _last_cache_bytes())):
            outputs = max(1, size // (4 * _COLUMNS))
            add(kind, nn.Linear(_COLUMNS, outputs, bias=False), 1, _COLUMNS, outputs, 4 * _COLUMNS * outputs)  # type: ignore[arg-type]
    progress.report("peaks", total, total)
    return made


def _last_cache_bytes() -> int:
    """Of the largest cache that the system tells of."""
    units = {"K": 1024, "M": 1024**2}
    sizes = [path.read_text().strip() for path in _CACHES.glob("index*/size")]
    return max((int(size[:-1]) * units[size[-1]] for size in sizes if size[-1:] in units), default=_UNKNOWN_CACHE_BYTES)


def peaks(timed: Iterable[tuple[Probe, NDArray[np.float64]]]) -> Peaks:
    """From probes and (rounds,) milliseconds of each: of every kind, the one with the largest median rate."""
    best: dict[str, tuple[Probe, NDArray[np.float64]]] = {}
    for probe, ms in timed:
        rate = probe.macs_or_bytes / ms / 1e6  # n in a millisecond are n millionths of 1e9 in a second
        if probe.kind not in best or np.median(rate) > np.median(best[probe.kind][1]):
            best[probe.kind] = probe, rate
    return Peaks(
        float32_gmacs=Spread.over_rounds(best["float32"][1]),
        float32_what=best["float32"][0].name,
        int8_gmacs=Spread.over_rounds(best["int8"][1]),
        int8_what=best["int8"][0].name,
        int8_over_float32=Spread.over_rounds(best["int8"][1] / best["float32"][1]),
        read_gbytes=Spread.over_rounds(best["program-sized"][1]),
        read_what=best["program-sized"][0].name,
        memory_gbytes=Spread.over_rounds(best["memory"][1]),
        memory_what=best["memory"][0].name,
    )


def bound(layers: Iterable[Layer], weight_bytes: int, at: Peaks) -> Bound | None:
    """The least time of a part with these layers and so many bytes of constants; None where it has neither."""
    gmacs = {"float32": at.float32_gmacs.high, "int8": at.int8_gmacs.high}
    macs_us = sum(layer.macs / gmacs[layer.dtype] / 1e3 for layer in layers)
    read_us = weight_bytes / at.read_gbytes.high / 1e3
    if not macs_us and not read_us:
        return None
    by: Literal["multiply-adds", "weights"] = "multiply-adds" if macs_us >= read_us else "weights"
    return Bound(macs_us=macs_us, read_us=read_us, us=max(macs_us, read_us), by=by)
