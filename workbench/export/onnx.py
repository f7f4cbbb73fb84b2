"""The restated stream as ONNX, and what is in the file. Requires the extra `onnx`.

A model that keeps its state itself cannot be exported: the exporter folds the state into a constant.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workbench.errors import LoweringError
from workbench.export.exporter import ExportInputs
from workbench.export.metadata import METADATA_KEY, as_json, metadata_of
from workbench.export.program_file import ExportedProgram, ProgramFormat
from workbench.export.toolchain.errors import toolchain_errors
from workbench.extras import ONNX, Extra
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.quantize.onnxruntime import quantize_onnx

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

_INPUTS = {"explicit": ("audio", "ring"), "none": ("window",), "frozen": ("audio",)}
"""Names of the program's inputs, by state."""

_WEIGHTED = ("Conv", "FusedConv", "MatMul", "FusedMatMul", "Gemm", "FusedGemm")
_INTEGER_PREFIXES = ("QLinear", "ConvInteger", "MatMulInteger", "MatMulNBits", "QGemm", "DynamicQuantize")
_LAYOUT = ("Identity", "Reshape", "Unsqueeze", "Squeeze")
"""Operators that may be between the audio and the concatenation with the past audio."""


@dataclass(frozen=True)
class OnnxExporter:
    """The exporter for ONNX Runtime, which also quantizes with its own quantizer."""

    extra: Extra = ONNX
    format: ProgramFormat = "onnx"
    run_instructions: str = ""

    def export(self, inputs: ExportInputs, progress: Progress) -> ExportedProgram:
        """Exports the graph, with the layers that the rules name in int8, and counts what is in it."""
        model, rules = inputs.model, inputs.rules
        quantized = None
        if rules.parts or rules.everywhere:
            with toolchain_errors("ONNX Runtime's quantizer"):
                graph, quantized = quantize_onnx(model, export_graph, rules, inputs.clips, progress)
        else:
            graph = export_graph(model)
        program = inspect_onnx(finalize(graph, model, inputs.confidence_threshold))
        return replace(program, quantized=quantized, made_with=self.extra.versions())


def to_onnx(model: StreamingPesto, confidence_threshold: float | None = None) -> bytes:
    """Exports the stream for its smallest call, with the metadata.

    The outputs have their own names; with an explicit state, the last one is `next_ring`. Raises LoweringError if the
    export fails, or if the program's state is not what the model's `state` says.
    """
    return finalize(export_graph(model), model, confidence_threshold)


def export_graph(model: StreamingPesto) -> "ModelProto":
    """Exports the graph as torch's exporter leaves it: each node names the module that it comes from.

    Raises LoweringError if the exporter fails, or if the state is internal, which ONNX cannot express.
    """
    import onnx

    if model.state not in _INPUTS:
        raise LoweringError(f"ONNX keeps no state between calls; expected state explicit or none, got {model.state}")
    model.reset()
    network, explicit = model.scope == "network", model.state == "explicit"
    with (
        tempfile.TemporaryDirectory(prefix="workbench-") as folder,
        toolchain_errors("exporting to ONNX"),
        _errors_only(logging.getLogger("torch.onnx")),
    ):
        path = Path(folder) / "program.onnx"
        torch.onnx.export(
            model,
            model.example(model.stream.frames_per_chunk),
            path,
            dynamo=True,
            input_names=("energy",) if network else _INPUTS[model.state],
            output_names=(*model.outputs, *(("next_ring",) if explicit else ())),
            external_data=False,
            verbose=False,
        )
        graph = onnx.load(path)
    model.reset()
    return graph


@contextmanager
def _errors_only(logger: logging.Logger) -> Iterator[None]:
    """Keeps the exporter's warnings from the user; the level of its log is restored."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def finalize(exported: "ModelProto", model: StreamingPesto, confidence_threshold: float | None = None) -> bytes:
    """Returns the bytes of the file, with the workbench's metadata in place of the exporter's notes.

    The notes contain paths of this machine. Raises LoweringError if the state is a constant although the model's state
    is not "frozen", or the reverse.
    """
    graph = exported.graph
    frozen = constant_state_inputs(graph)
    if frozen and model.state != "frozen":
        raise LoweringError(f"exporting to ONNX folded the streaming state into a constant ({', '.join(frozen)})")
    if not frozen and model.state == "frozen":
        raise LoweringError("exporting to ONNX folded no state into a constant, as state: frozen expects; use explicit")
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.value_info[:]
    del exported.metadata_props[:]
    entry = exported.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, as_json(metadata_of(model, confidence_threshold))
    return bytes(exported.SerializeToString(deterministic=True))


def inspect_onnx(content: bytes) -> ExportedProgram:
    """Counts the operators and bytes of a file. The exporter fills in `quantized` and `made_with`.

    Operators and bytes are those of the file. The operators that run in int8 or have integer weights are counted in the
    graph that ONNX Runtime optimizes on this machine, because the file only has quantize and dequantize nodes around
    float operators.

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
        quantized_ops={name: count for name, count in sorted(running.items()) if name.startswith(_INTEGER_PREFIXES)},
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
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder, toolchain_errors("loading in ONNX Runtime"):
        path = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return onnx.load(path).graph


def constant_state_inputs(graph: "GraphProto") -> tuple[str, ...]:
    """Returns the name and shape of each constant with which the graph concatenates the new audio.

    Such a constant replaces the past audio. There is none if the past audio or the whole window is an input.
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
