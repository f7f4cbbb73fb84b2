"""What is in an ONNX program, and what ONNX Runtime makes of it."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from workbench.export.backends import versions_for
from workbench.export.onnx import constant_state_inputs
from workbench.export.program_file import Exported
from workbench.export.toolchain_errors import toolchain_errors

if TYPE_CHECKING:
    from onnx import GraphProto

_WEIGHTED = ("Conv", "FusedConv", "MatMul", "FusedMatMul", "Gemm", "FusedGemm")
_INTEGER = ("QLinear", "ConvInteger", "MatMulInteger", "QGemm", "DynamicQuantize")


def inspect_onnx(content: bytes) -> Exported:
    """Operators and bytes are the file's; which of them run in int8 is read off the graph that ONNX Runtime makes of it
    here, as the file only says where to quantize and dequantize.

    Raises LoweringError where ONNX Runtime does not load it.
    """
    import onnx

    graph = onnx.load_from_string(content).graph
    parts: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for tensor in graph.initializer:
        size = _bytes(tensor)
        words = tensor.name.split(".")
        parts[".".join(words[:2]) if words[0] == "encoder" else words[0] if len(words) > 1 else "other"] += size
        types[onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).name] += size
    running = Counter(node.op_type for node in _optimized(content).node)
    stored = sum(types.values())
    return Exported(
        content=content,
        kind="onnx",
        graph_ops=dict(sorted(Counter(node.op_type for node in graph.node).items())),
        quantized_ops={name: count for name, count in sorted(running.items()) if name.startswith(_INTEGER)},
        float_ops={name: count for name, count in sorted(running.items()) if name in _WEIGHTED},
        bytes_by_kind={"initializers": stored, "rest": len(content) - stored},
        bytes_by_part=dict(parts.most_common()),
        bytes_by_dtype=dict(types.most_common()),
        made_with=versions_for("onnx"),
        frozen=constant_state_inputs(graph),
    )


def _bytes(tensor: Any) -> int:
    from onnx.numpy_helper import to_array

    return int(to_array(tensor).nbytes)


def _optimized(content: bytes) -> "GraphProto":
    """The graph after the optimizations that do not depend on the processor's layout of tensors."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    with TemporaryDirectory(prefix="workbench-") as folder, toolchain_errors("loading in ONNX Runtime"):
        path = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return onnx.load(path).graph
