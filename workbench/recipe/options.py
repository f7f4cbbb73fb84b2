"""Every choice that a recipe offers, in one place. Imports no torch.

A new choice is added here, in `limits/backends.py` if it is a backend, and where it is implemented.
"""

from collections.abc import Mapping
from typing import Literal

ExecutorchBackend = Literal["xnnpack", "portable", "coreml", "vulkan", "openvino", "arm", "qualcomm"]
"""What runs a `.pte` program."""

Backend = Literal["xnnpack", "portable", "onnx", "torchscript", "coreml", "vulkan", "openvino", "arm", "qualcomm"]
"""What runs a program: a backend of ExecuTorch, ONNX Runtime, or torch."""

Reduction = Literal["alwa", "argmax", "mean"]
"""How pitch is computed from the activations."""

State = Literal["internal", "explicit", "none", "frozen"]
"""Where the streaming state is kept.

internal: in the program. explicit: by the host, which passes it in and receives it back at every call. none: by the
host, which passes the whole window. frozen: nowhere, because an exporter folded it into a constant.
"""

STATE_BUFFER = "ring"
"""Name of the state buffer, in the model and in every program."""

UPSTREAM_STATE_SUFFIX = "cache.pad"
"""End of the names of upstream's state buffers, in its model and in a TorchScript program."""

Scope = Literal["whole", "network"]
"""What the program contains: everything, or only the network behind the front end, which the host then computes."""

Output = Literal["pitch", "confidence", "volume"]

OUTPUTS: tuple[Output, ...] = ("pitch", "confidence", "volume")
"""What a call can return, in this order."""

ProtocolName = Literal["continuous", "reset-per-chunk", "variant-reset-per-chunk", "baseline-reset-per-chunk"]
"""Which side's state is reset before every chunk."""

Frontend = Literal["upstream", "grouped", "low-rank", "three-stage"]
"""Implementation of the CQT: upstream's convolution, the same in groups of bins without its zeros, or an approximation,
in which each group is a product of two matrices or of three."""

APPROXIMATE_FRONTENDS: tuple[Frontend, ...] = ("low-rank", "three-stage")
"""Those that have a tolerance."""

DEFAULT_FRONTEND_TOLERANCE = 1e-4
"""Largest error of a bin's kernel, relative to its norm.

At 1e-3 the front end has 10 % (48 kHz) to 25 % (16 kHz) fewer weights, and rare frames change by up to 2 cents. At 1e-4
no clip that was tried changes by more than 0.04 cents.
"""

Prefilter = Literal["conv", "fourier", "fourier-shifted", "fourier-halved", "fourier-grouped"]
"""Implementation of the two wide convolutions: direct, or in the frequency domain, where the windows are padded, or
shifted, or shifted and used with half of the weights, or shifted and used in one convolution of groups."""

Toeplitz = Literal["linear", "conv", "block"]
"""Implementation of the last layer: a Linear, upstream's convolution, or a convolution over blocks."""

ToeplitzBlock = Literal[4, 8, 16, 32]
"""Outputs in a block of the last layer."""

DEFAULT_TOEPLITZ_BLOCK: ToeplitzBlock = 16

InitialState = Literal["each-method", "once"]
"""Where a program stores the zeros of its state: with each method that has the state, or with `forward` only."""

SegmentAlignment = Literal[16, 128]
"""Bytes of which the parts of a `.pte` start at a multiple: ExecuTorch's default is 128, and it needs 16."""

DEFAULT_SEGMENT_ALIGNMENT: SegmentAlignment = 128

Scheme = Literal[
    "none",
    "int8-dynamic",
    "int8-static",
    "int8-static-per-tensor",
    "int8-weights",
    "int4-weights",
    "int16-weights",
    "int12-weights",
]
"""How the layers of a part are quantized."""

WEIGHT_SCHEMES: Mapping[Scheme, tuple[int, ...]] = {
    "int8-weights": (8,),
    "int4-weights": (4,),
    "int16-weights": (8, 8),
    "int12-weights": (8, 4),
}
"""Schemes that store only weights as integers -> bits of each level; activations stay float and nothing is calibrated.

The second level stores what the first one leaves of the weights.
"""

DYNAMIC_SCHEMES: tuple[Scheme, ...] = ("int8-dynamic",)
"""Schemes whose activation ranges every call computes; they need no calibration."""

Channel = str
"""Which channel of a recording is read: `mix` (the mean of all), `left`, `right`, or its number from 3."""

_CHANNEL_NAMES = {"1": "left", "2": "right"}
_MOST_CHANNELS = 64


def parse_channel(text: str) -> Channel:
    """Returns the channel that `mix`, `left`, `right` or a number from 1 means. Raises ValueError for another text."""
    channel = _CHANNEL_NAMES.get(text, text)
    if channel in ("mix", *_CHANNEL_NAMES.values()) or (text.isdecimal() and 1 <= int(text) <= _MOST_CHANNELS):
        return channel
    raise ValueError(f"expected mix, left, right or a number from 1 to {_MOST_CHANNELS}, got {text!r}")


Observer = Literal["min-max", "moving-average", "histogram", "percentile"]
"""How the range of an activation is found on calibration audio."""
