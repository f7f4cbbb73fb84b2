"""What is in an ONNX program, and what ONNX Runtime makes of it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from workbench.export.program_file import ExportedProgram
from workbench.export.toolchain_errors import toolchain_errors

if TYPE_CHECKING:
    from onnx import GraphProto

_WEIGHTED = ("Conv", "FusedConv", "MatMul", "FusedMatMul", "Gemm", "FusedGemm")
_LAYOUT = ("Identity", "Reshape", "Unsqueeze", "Squeeze")  # operators that may stand between the audio and a Concat
_INTEGER = ("QLinear", "ConvInteger", "MatMulInteger", "QGemm", "DynamicQuantize")


def inspect_onnx(content: bytes) -> ExportedProgram:
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
    return ExportedProgram(
        content=content,
        format="onnx",
        graph_ops=dict(sorted(Counter(node.op_type for node in graph.node).items())),
        quantized_ops={name: count for name, count in sorted(running.items()) if name.startswith(_INTEGER)},
        float_ops={name: count for name, count in sorted(running.items()) if name in _WEIGHTED},
        bytes_by_kind={"initializers": stored, "rest": len(content) - stored},
        bytes_by_part=dict(parts.most_common()),
        bytes_by_dtype=dict(types.most_common()),
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


def constant_state_inputs(graph: "GraphProto") -> tuple[str, ...]:
    """The constants that the audio of a call is joined with, by name and shape: there, the past audio should come in.

    None for a graph that is handed its past, or all of its window.
    """
    from onnx.numpy_helper import to_array

    constants = dict(_constants(graph))
    audio = {graph.input[0].name}
    found = []
    for node in graph.node:  # which are in order
        if node.op_type in _LAYOUT and node.input[0] in audio:
            audio.update(node.output)
        if node.op_type == "Concat" and audio & set(node.input):
            for name in node.input:
                if name in constants:
                    values = to_array(constants[name])
                    what = "zeros" if not values.any() else "values"
                    found.append(f"{name}: {'×'.join(map(str, values.shape))} {what}")
    return tuple(found)


def _constants(graph: "GraphProto") -> Iterator[tuple[str, Any]]:
    """Tensors that are written into the graph, by name."""
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    yield node.output[0], attribute.t
