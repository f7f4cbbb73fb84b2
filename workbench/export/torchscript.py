"""Upstream as TorchScript, made as upstream's own `realtime/export_jit.py` makes it: traced, and saved whole."""

import io

import torch

from workbench.errors import LoweringError
from workbench.model.pesto import PESTO, reset_upstream
from workbench.model.stream import Stream


def traced(model: PESTO, stream: Stream) -> bytes:
    """The streaming model for calls (streams, chunk samples) float32 of the smallest size, its memory empty.

    Raises LoweringError where torch cannot trace or store it.
    """
    content = io.BytesIO()
    try:
        with torch.no_grad():
            example = torch.zeros(stream.streams, stream.chunk_samples)
            script = torch.jit.trace(model, example, check_trace=False)  # type: ignore[no-untyped-call]
        reset_upstream(script)  # tracing ran it
        torch.jit.save(script, content)
    except RuntimeError as error:
        raise LoweringError(f"tracing to TorchScript failed ({str(error).strip().splitlines()[0]})") from error
    return content.getvalue()
