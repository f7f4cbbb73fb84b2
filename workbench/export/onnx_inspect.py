"""Counts the operators and the bytes of an ONNX program, and finds a state that was folded into a constant."""

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
    """Counts what is in a file. `quantized` and `made_with` are left to the exporter.

    Operators and bytes are the file's. Which operators run in int8 is taken from the graph as ONNX Runtime optimizes it
    on this machine: the file only says where to quantize and dequantize.

    Raises LoweringError if ONNX Runtime does not load the file.
    """
    import onnx

    graph = onnx.load_from_string(content).graph
    parts: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for tensor in graph.initializer:
        size = _bytes(tensor)
        parts[_part_of(tensor.name)] += size
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


def _part_of(name: str) -> str:
    """Returns the model's part that a tensor belongs to, by its name."""
    path = name.split(".")
    if path[0] == "encoder":
        return ".".join(path[:2])
    return path[0] if len(path) > 1 else "other"


def _bytes(tensor: Any) -> int:
    from onnx.numpy_helper import to_array

    return int(to_array(tensor).nbytes)


def _optimized(content: bytes) -> "GraphProto":
    """Returns the graph after those optimizations that do not depend on the processor's layout of tensors."""
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
    """Returns name and shape of the constants that the new audio is concatenated with, in place of the past audio.

    Nothing for a graph that has the past audio, or the whole window, as an input.
    """
    from onnx.numpy_helper import to_array

    constants = dict(_constants(graph))
    audio = {graph.input[0].name}
    descriptions = []
    for node in graph.node:  # in order of execution
        if node.op_type in _LAYOUT and node.input[0] in audio:
            audio.update(node.output)
        if node.op_type == "Concat" and audio & set(node.input):
            for name in node.input:
                if name in constants:
                    values = to_array(constants[name])
                    kind = "values" if values.any() else "zeros"
                    descriptions.append(f"{name}: {'×'.join(map(str, values.shape))} {kind}")
    return tuple(descriptions)


def _constants(graph: "GraphProto") -> Iterator[tuple[str, Any]]:
    """Yields the tensors that are stored in the graph, with their names."""
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    yield node.output[0], attribute.t
