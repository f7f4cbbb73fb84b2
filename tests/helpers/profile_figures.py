"""A profile of four parts with made-up costs and times: an empty call takes 10 us, a probe 1 ms more."""

import numpy as np

from workbench.measure.operators.figures import PartCosts, ProfileFigures, figures
from workbench.measure.operators.layer_costs import Layer
from workbench.measure.operators.roofline import Probe
from workbench.measure.operators.timing import PartTimes

ROUNDS, CALLS = 11, 3


def layer(name: str, macs: int, size: int, dtype: str = "float32") -> Layer:
    return Layer(name=name, dtype=dtype, macs=macs, bytes=size)  # type: ignore[arg-type]


def probe(kind: str, name: str, macs_or_bytes: int) -> Probe:
    return Probe(name, kind, 1, 1, macs_or_bytes, b"")  # type: ignore[arg-type]


PROBES = [
    probe("float32", "small", 1_000_000),
    probe("float32", "large", 4_000_000),
    probe("int8", "eight", 3_000_000),
    probe("program-sized", "near", 20_000),
    probe("memory", "far", 10_000),
]
COSTS = [
    PartCosts("frontend", [layer("frontend.0", 1_000_000, 4_000_000)], 4_000_000),
    PartCosts("log", [], 0),
    PartCosts("encoder", [layer("encoder.0", 2_000_000, 8_000), layer("encoder.1", 3_000_000, 3_000, "int8")], 11_000),
    PartCosts("total", [layer("total", 100, 400)], 400),
]
PARTS_US = [310.0, 40.0, 2_010.0, 12.0]


def _rows_ms(us: float | list[float]) -> np.ndarray:
    """(rounds, calls) milliseconds."""
    return np.repeat(np.broadcast_to(np.asarray(us, float), (ROUNDS,))[:, None], CALLS, axis=1) / 1000


def profile_figures(program_us: float = 2_342.0, total_us: list[float] | None = None) -> ProfileFigures:
    """The figures; `total_us` replaces the time of the last part in each round."""
    parts = [_rows_ms(us) for us in (*PARTS_US[:-1], total_us or PARTS_US[-1])]
    times = PartTimes(
        program_ms=_rows_ms(program_us),
        empty_ms=_rows_ms(10.0),
        parts_ms=np.stack(parts, -1),
        probes_ms={each.name: _rows_ms(1010.0) for each in PROBES},
        program_semitones=np.full((2, 1, 1), 60, np.float32),
        chain_semitones=np.array([60, 60.25], np.float32).reshape(2, 1, 1),
    )
    return figures(COSTS, PROBES, times)
