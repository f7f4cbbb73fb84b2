"""Upstream as TorchScript, exported as upstream's own `realtime/export_jit.py` does: traced, and saved whole."""

import io
from collections import Counter
from dataclasses import dataclass

import torch

from workbench.errors import LoweringError, first_line
from workbench.export.exporter import ExportInputs
from workbench.export.metadata import METADATA_KEY, Constants, as_json, metadata_of
from workbench.export.program_file import ExportedProgram, ProgramFormat
from workbench.extras import NO_EXTRA, Extra
from workbench.model.upstream import PESTO, reset_upstream
from workbench.progress import Progress
from workbench.recipe.stream_config import StreamConfig

_WEIGHTED = {"aten::_convolution": "convolution", "aten::linear": "linear", "aten::matmul": "mm", "aten::mm": "mm"}


@dataclass(frozen=True)
class TorchScriptExporter:
    """The exporter for torch: upstream's own export, in float, with the restated stream's metadata."""

    extra: Extra = NO_EXTRA
    format: ProgramFormat = "torchscript"
    run_instructions: str = ""

    def export(self, inputs: ExportInputs, progress: Progress) -> ExportedProgram:
        """Traces upstream's model. It is never quantized: a recipe that requests it is refused when it is read."""
        metadata = metadata_of(inputs.model, inputs.confidence_threshold)
        return trace_upstream(inputs.load_upstream(), inputs.model.stream, metadata)


def trace_upstream(model: PESTO, stream: StreamConfig, metadata: Constants) -> ExportedProgram:
    """Traces upstream's streaming model with its state zeroed.

    Args:
        model: Upstream's streaming model.
        stream: The program takes its smallest call: (streams, chunk_samples) float32.
        metadata: Entries of the file.

    Raises:
        LoweringError: Torch cannot trace the model or store the script.
    """
    content = io.BytesIO()
    try:
        with torch.no_grad():
            example = torch.zeros(stream.streams, stream.chunk_samples)
            script = torch.jit.trace(model, example, check_trace=False)  # type: ignore[no-untyped-call]
        reset_upstream(script)  # tracing ran it
        torch.jit.save(script, content, _extra_files={METADATA_KEY: as_json(metadata)})
    except RuntimeError as error:
        raise LoweringError(f"tracing to TorchScript failed ({first_line(error)})") from error
    operators = Counter(node.kind() for node in script.inlined_graph.nodes() if node.kind().startswith("aten::"))
    weighted: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for name, count in operators.items():
        if name in _WEIGHTED:
            weighted[_WEIGHTED[name]] += count
    for name, tensor in script.state_dict().items():
        size = tensor.numel() * tensor.element_size()
        parts[name.split(".")[0]] += size
        types[str(tensor.dtype).removeprefix("torch.")] += size
    tensor_bytes = sum(types.values())
    file = content.getvalue()
    return ExportedProgram(
        content=file,
        format="torchscript",
        graph_ops={name.removeprefix("aten::"): count for name, count in sorted(operators.items())},
        quantized_ops={},
        float_ops=dict(weighted),
        bytes_by_kind={"tensors": tensor_bytes, "rest": len(file) - tensor_bytes},
        bytes_by_part=dict(parts.most_common()),
        bytes_by_dtype=dict(types.most_common()),
    )
