"""What quantization did: the scheme of each layer, every fixed range, and how the ranges were found."""

from dataclasses import dataclass

from workbench.record_model import RecordModel


class TensorRange(RecordModel):
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


class LayerGap(RecordModel):
    """A layer's output in int8 against the same layer in float, as signal to noise in decibels over some rows of the
    calibration audio: with the layers before it quantized too, and alone, fed what the float network has there."""

    layer: str
    scheme: str
    through_db: float | None
    alone_db: float | None


class Stability(RecordModel):
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


class Calibration(RecordModel):
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
