"""The restated stream as ONNX, its memory an input and an output: what fails in ONNX is state kept as a constant.

Wants the extra `onnx`: `missing()` says whether it is there.
"""

import importlib.util
import logging
import tempfile
from pathlib import Path

import torch

from workbench.errors import LoweringError
from workbench.model.streaming import StreamingPesto

INPUTS, OUTPUTS = ("audio", "ring"), ("pitch", "confidence", "volume", "next_ring")
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def missing() -> str:
    """What to do about ONNX not being installed; nothing where it is."""
    absent = [package for package in _PACKAGES if importlib.util.find_spec(package) is None]
    return f"{', '.join(absent)} not installed: pip install 'pesto-workbench[onnx]'" if absent else ""


def to_onnx(model: StreamingPesto) -> bytes:
    """`audio` (streams, chunk samples) of the smallest call and `ring` (streams, past samples), float32 -> `pitch`,
    `confidence`, `volume` (streams, frames) and `next_ring`.

    Raises LoweringError where the model keeps its state itself, and where the exporter refuses.
    """
    if model.state != "explicit":
        raise LoweringError("ONNX wants the memory as an input and an output; restate the model with explicit state")
    stream = model.stream
    example = (torch.zeros(stream.streams, stream.chunk_samples), model.empty_ring())
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        path = Path(folder) / "program.onnx"
        try:
            torch.onnx.export(
                model,
                example,
                path,
                dynamo=True,
                input_names=INPUTS,
                output_names=OUTPUTS,
                external_data=False,
                verbose=False,
            )
        except Exception as error:  # the exporter raises what it likes
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise LoweringError(f"exporting to ONNX failed ({type(error).__name__}: {first})") from error
        return path.read_bytes()
