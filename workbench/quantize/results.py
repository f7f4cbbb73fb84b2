"""What quantization did: the scheme of each layer, every fixed range, and how the ranges were found."""

from dataclasses import dataclass

from workbench.record_model import RecordModel


class TensorRange(RecordModel):
    """A tensor that is quantized with a fixed range: an activation, or the weight of a layer.

    Attributes:
        layer: The layer that computes the activation, or that has the weight.
        tensor: Name of the activation's node in the graph, or "weight".
        scales: How many scales it has: one, or one per output channel of a weight.
        scale: The largest of them.
        zero_point: The first of its zero points.
        low, high: Ends of the range that the scale was computed from.
        observed_low, observed_high: Smallest and largest value in the calibration audio. They lie outside of the range
            if the observer leaves out the outermost values.
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


class StoredWeights(RecordModel):
    """The weights of a layer that are stored as integers, while its inputs stay float.

    Attributes:
        layer: Name of the layer in the whole model.
        scheme: How they are stored.
        bytes: Bytes of the integers and their scales.
        float_bytes: Bytes of the same weights in float32.
        saved_bytes: What the program becomes smaller by, estimated from the sizes of its nodes. Below 0, the layer is
            smaller in float32.
        error_relative: Norm of the difference to the float weights, divided by the norm of these.
    """

    layer: str
    scheme: str
    bytes: int
    float_bytes: int
    saved_bytes: int
    error_relative: float


class LayerSnr(RecordModel):
    """Signal-to-noise ratio of a layer's output, in decibels, over some rows of the calibration audio.

    The signal is the output of the float layer, the noise is the difference of the quantized layer.

    Attributes:
        layer: Name of the layer in the whole model.
        scheme: How it is quantized.
        through_db: Cumulative: all layers before it are quantized too.
        alone_db: Isolated: its inputs are those of the float network.
    """

    layer: str
    scheme: str
    through_db: float | None
    alone_db: float | None


class Stability(RecordModel):
    """How much a calibration depends on the choice of clips: a comparison of calibrations on two halves of them.

    Attributes:
        tensors: Activations with a fixed range.
        scale_median_relative, scale_max_relative: |a - b| of their scales, divided by the mean of a and b.
        voiced_frames: Calibration frames whose confidence reaches the voicing threshold.
        pitch_median_cents, pitch_p95_cents: |a - b| of the pitch of the two quantized networks, in voiced frames.
    """

    tensors: int
    scale_median_relative: float | None
    scale_max_relative: float | None
    voiced_frames: int
    pitch_median_cents: float | None
    pitch_p95_cents: float | None


class Calibration(RecordModel):
    """How the fixed ranges were found.

    Attributes:
        excerpts: Pieces of audio, one per calibration clip.
        audio_s: Their total length in seconds.
        rows: Number of frames; each part receives one row of input for each of them.
        seed: Chooses the excerpts and the halves.
        corrected_biases: Biases that were corrected by the mean error of their output channel.
        gaps: The signal-to-noise ratio of each layer.
        stability: How much the ranges depend on the choice of clips.
        took_s: Wall-clock time of everything, stability and layer errors included.
    """

    excerpts: int
    audio_s: float
    rows: int
    seed: int
    corrected_biases: int
    gaps: tuple[LayerSnr, ...]
    stability: Stability | None
    took_s: float


@dataclass(frozen=True)
class Quantized:
    """A quantized stream, as its graph shows it.

    Attributes:
        schemes: Layer -> scheme.
        ranges: Every fixed range.
        weights: The layers of which only the weights are integers.
        operators: Operator -> count: layers with int8 weights, and adds and leaky ReLUs between int8 tensors.
        weight_bytes: Type of the integer weights ("int8", "int4") -> their bytes.
        calibration: How the ranges were found. None if only weights are quantized, which needs no audio.
    """

    schemes: dict[str, str]
    ranges: tuple[TensorRange, ...]
    weights: tuple[StoredWeights, ...]
    operators: dict[str, int]
    weight_bytes: dict[str, int]
    calibration: Calibration | None
