"""The artefact: what a `.pte` file holds, and where its bytes are."""

import hashlib
from dataclasses import dataclass

from pydantic import Field

from workbench.section import Section


@dataclass(frozen=True)
class Lowered:
    """A program in memory and what lowering made of the graph, counted by operator."""

    pte: bytes
    delegated_ops: dict[str, int]
    portable_ops: dict[str, int]
    delegates: tuple[tuple[str, int], ...]  # backend and nodes of each delegated subgraph, in order of execution
    quantized_ops: dict[str, int]  # convolutions, Linears, adds and leaky ReLUs that run in int8
    float_ops: dict[str, int]  # convolutions and Linears that run in float
    bytes_by_kind: dict[str, int]  # of the file
    bytes_by_part: dict[str, int]  # weights and constants of the exported model, by its part
    bytes_by_dtype: dict[str, int]  # the same, by the type they are stored in


class Delegate(Section):
    """One subgraph that a backend runs: its place in the order of execution is its place in the list."""

    backend: str
    nodes: int


class TensorRange(Section):
    """A tensor quantized with a fixed range: an activation by its node's name, or a layer's weight.

    `scales` is how many it has (one for each output channel of a weight); `scale` is the largest of them, `zero_point`
    the first. `low` and `high` are the ends that the range was made from, `observed_low` and `observed_high` those of
    all that was heard: wider, where the observer leaves the outermost values out.
    """

    layer: str
    tensor: str
    scales: int
    scale: float
    zero_point: int
    low: float
    high: float
    observed_low: float
    observed_high: float


class LayerGap(Section):
    """A layer's output in int8 against the same layer in float, as signal to noise in decibels over some rows of the
    calibration audio: with the layers before it quantized too, and alone, fed what the float network has there."""

    layer: str
    scheme: str
    through_db: float | None
    alone_db: float | None


class Stability(Section):
    """Two calibrations on disjoint halves of the clips against each other: how much of a result is the clips' choice.

    Scales are of activations, as |a - b| over their mean; pitch is |a - b| in cents of the two quantized networks over
    the calibration frames whose confidence reaches the voicing threshold.
    """

    tensors: int
    scale_median_relative: float | None
    scale_max_relative: float | None
    voiced_frames: int
    pitch_median_cents: float | None
    pitch_p95_cents: float | None


class Calibration(Section):
    """How the fixed ranges were found. `took_s` is wall-clock time of all of it, stability and gaps included."""

    excerpts: int
    audio_s: float
    rows: int  # frames, and so what each part heard
    seed: int
    corrected_biases: int
    gaps: tuple[LayerGap, ...]
    stability: Stability | None
    took_s: float


@dataclass(frozen=True)
class Quantized:
    """What quantization made of a stream: the scheme of each layer as its graph shows it, and every fixed range."""

    schemes: dict[str, str]
    ranges: tuple[TensorRange, ...]
    operators: dict[str, int]  # layers with int8 weights, adds and leaky ReLUs between int8 tensors, by operator
    weight_bytes: int  # of those layers
    calibration: Calibration


class ProgramFile(Section):
    """A `.pte` as written. Byte figures are read from the file, node figures from the lowered graph."""

    path: str  # relative to the record
    bytes: int
    sha256: str
    state: str
    delegated_nodes: int
    portable_nodes: int
    quantized_ops: dict[str, int]
    float_ops: dict[str, int]
    delegates: tuple[Delegate, ...]
    delegated_ops: dict[str, int]
    portable_ops: dict[str, int]
    bytes_by_kind: dict[str, int]
    bytes_by_part: dict[str, int]
    bytes_by_dtype: dict[str, int]
    schemes: dict[str, str]  # of each layer in a part that was quantized, read off the converted graph
    ranges: tuple[TensorRange, ...]
    calibration: Calibration | None
    lowered_with: dict[str, str] = Field(default={}, description="Versions of what a backend needs beside ExecuTorch.")


def describe(lowered: Lowered, path: str, state: str, quantized: Quantized | None = None) -> ProgramFile:
    """The record of a lowered program that is stored at `path`."""
    return ProgramFile(
        path=path,
        bytes=len(lowered.pte),
        sha256=hashlib.sha256(lowered.pte).hexdigest(),
        state=state,
        delegated_nodes=sum(lowered.delegated_ops.values()),
        portable_nodes=sum(lowered.portable_ops.values()),
        quantized_ops=lowered.quantized_ops,
        float_ops=lowered.float_ops,
        delegates=tuple(Delegate(backend=backend, nodes=nodes) for backend, nodes in lowered.delegates),
        delegated_ops=lowered.delegated_ops,
        portable_ops=lowered.portable_ops,
        bytes_by_kind=lowered.bytes_by_kind,
        bytes_by_part=lowered.bytes_by_part,
        bytes_by_dtype=lowered.bytes_by_dtype,
        schemes=quantized.schemes if quantized else {},
        ranges=quantized.ranges if quantized else (),
        calibration=quantized.calibration if quantized else None,
        null_reasons={} if quantized else {"calibration": "no part of it was quantized"},
    )
