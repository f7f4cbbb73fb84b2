"""Upstream as TorchScript, made as upstream's own `realtime/export_jit.py` makes it: traced, and saved whole."""

import io
from collections import Counter

import torch

from workbench.errors import LoweringError, first_line
from workbench.export.metadata import METADATA_KEY, Constants, as_json
from workbench.export.program_file import Exported
from workbench.model.upstream import PESTO, reset_upstream
from workbench.recipe.stream_config import StreamConfig

_WEIGHTED = {"aten::_convolution": "convolution", "aten::linear": "linear", "aten::matmul": "mm", "aten::mm": "mm"}


def trace_upstream(model: PESTO, stream: StreamConfig, tells: Constants) -> Exported:
    """The streaming model for calls (streams, chunk samples) float32 of the smallest size, its memory empty.

    `tells` is what the file tells its host. Raises LoweringError where torch cannot trace or store it.
    """
    content = io.BytesIO()
    try:
        with torch.no_grad():
            example = torch.zeros(stream.streams, stream.chunk_samples)
            script = torch.jit.trace(model, example, check_trace=False)  # type: ignore[no-untyped-call]
        reset_upstream(script)  # tracing ran it
        torch.jit.save(script, content, _extra_files={METADATA_KEY: as_json(tells)})
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
    stored = sum(types.values())
    file = content.getvalue()
    return Exported(
        content=file,
        kind="torchscript",
        graph_ops={name.removeprefix("aten::"): count for name, count in sorted(operators.items())},
        quantized_ops={},
        float_ops=dict(weighted),
        bytes_by_kind={"tensors": stored, "rest": len(file) - stored},
        bytes_by_part=dict(parts.most_common()),
        bytes_by_dtype=dict(types.most_common()),
        made_with={},
    )
