"""The recording of a made-up program: a kernel, and a delegate of three operators in two layers."""

import numpy as np

from workbench.measure.operators.layer_costs import Layer
from workbench.measure.operators.placement import PlacedOperator, Placement
from workbench.measure.operators.recording import Recording
from workbench.measure.operators.roofline import Peaks, Probe, peaks

ROUNDS, CALLS = 11, 3
PLACED = (
    PlacedOperator(1, "argmax.out", "", "reduce"),
    PlacedOperator(4, "Fully Connected (NC, F32) GEMM", "XnnpackBackend", "encoder.prefilter.0.lift"),
    PlacedOperator(5, "Slice (ND, X32)", "XnnpackBackend", "encoder.prefilter.0"),
    PlacedOperator(6, "Fully Connected (NC, F32) GEMM", "XnnpackBackend", ""),
)
OPERATORS_US = [2.0, 100.0, 5.0, 20.0]
COSTS = [
    Layer(name="encoder.prefilter.0.lift", dtype="float32", macs=200_000, bytes=1000),
    Layer(name="encoder.prefilter.0.fold", dtype="int8", macs=30_000, bytes=100),
    Layer(name="total", dtype="float32", macs=10, bytes=40),  # no operator: XNNPACK left it out
]


def probe(kind: str, name: str, macs_or_bytes: int) -> Probe:
    return Probe(name, kind, 1, 1, macs_or_bytes, b"")  # type: ignore[arg-type]


def made_up_peaks() -> Peaks:
    """Each probe takes 1 ms."""
    probes = [
        probe("float32", "small", 1_000_000),
        probe("float32", "large", 4_000_000),
        probe("int8", "eight", 3_000_000),
        probe("program-sized", "near", 20_000),
        probe("memory", "far", 10_000),
    ]
    return peaks((each, np.full(ROUNDS, 1.0)) for each in probes)


def made_up_recording(program_us: float = 135.0, mismatch: str = "") -> Recording:
    placed = tuple(PlacedOperator(each.event, each.name, each.backend, None) for each in PLACED) if mismatch else PLACED
    each = np.ones((ROUNDS, CALLS))
    return Recording(
        Placement(placed, (), (1,), mismatch),
        program_us=program_us * each,
        recorded_us=200 * each,
        operators_us=np.asarray(OPERATORS_US) * each[..., None],
        preparation_us=6 * each,
        rest_us=2 * each,
    )
