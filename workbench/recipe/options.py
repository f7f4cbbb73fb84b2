"""The one list of every choice that a recipe offers. `model/` and `export/` import it, so no choice stands twice.

A new choice is added here and where it is implemented. Imports no torch.
"""

from typing import Literal

ExecutorchBackend = Literal["xnnpack", "portable", "coreml", "vulkan", "openvino", "arm", "qualcomm"]
"""What runs a `.pte`."""

Backend = Literal["xnnpack", "portable", "onnx", "torchscript", "coreml", "vulkan", "openvino", "arm", "qualcomm"]
"""What runs a program: a backend of ExecuTorch, ONNX Runtime, or torch."""

Reduction = Literal["alwa", "argmax", "mean"]
"""How pitch is read from the activations."""

State = Literal["internal", "explicit", "none", "frozen"]
"""Where the streaming state is kept.

internal: in the program. explicit: by the host, which passes it in and gets it back at every call. none: by the host,
which passes the whole window. frozen: nowhere, because an exporter folded it into a constant.
"""

STATE_BUFFER = "ring"
"""Name of the state buffer, in the model and in every program."""

Scope = Literal["whole", "network"]
"""What the program contains: everything, or only the network behind the front end, which the host then computes."""

Output = Literal["pitch", "confidence", "volume"]

OUTPUTS: tuple[Output, ...] = ("pitch", "confidence", "volume")
"""What a call can return, in this order."""

ProtocolName = Literal["continuous", "reset-per-chunk", "variant-reset-per-chunk", "baseline-reset-per-chunk"]
"""Which side's state is reset before every chunk."""

Frontend = Literal["upstream", "grouped", "low-rank"]

DEFAULT_FRONTEND_TOLERANCE = 1e-4
"""Error of a bin's kernel relative to its norm. At 1e-3, 10 % (48 kHz) to 25 % (16 kHz) of the weights go, and rare
frames move by up to 2 cents; at 1e-4 no clip that was tried moves by more than 0.04 cents."""

Prefilter = Literal["conv", "fourier"]

Toeplitz = Literal["linear", "conv", "block"]

Scheme = Literal["none", "int8-dynamic", "int8-static", "int8-static-per-tensor"]
"""How the layers of a part are quantized."""

Observer = Literal["min-max", "moving-average", "histogram", "percentile"]
"""How the range of an activation is found on calibration audio."""
