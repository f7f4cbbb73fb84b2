"""The restated stream as ONNX. What fails there is state that the model keeps: the exporter makes a constant of it.

Wants the extra `onnx`.
"""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workbench.errors import LoweringError
from workbench.export.metadata import METADATA_KEY, as_json
from workbench.export.told import metadata_of
from workbench.export.toolchain_errors import toolchain_errors
from workbench.model.streaming import StreamingPesto

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

_INPUTS = {"explicit": ("audio", "ring"), "none": ("window",), "frozen": ("audio",)}
_LAYOUT = ("Identity", "Reshape", "Unsqueeze", "Squeeze")  # what may stand between the audio and where it is joined


def to_onnx(model: StreamingPesto, confidence_threshold: float | None = None) -> bytes:
    """The stream for calls of the smallest size, as `contract.py` has it: its outputs go by their names, and with state
    explicit the last one is `next_ring`.

    Raises LoweringError as `exported`, and where what came out remembers otherwise than asked.
    """
    return finalize(export_graph(model), model, confidence_threshold)


def export_graph(model: StreamingPesto) -> "ModelProto":
    """The graph as the exporter leaves it, where each node tells which module it comes from.

    Raises LoweringError where the exporter refuses, and for internal state, which ONNX has not.
    """
    import onnx

    if model.state not in _INPUTS:
        raise LoweringError(f"ONNX keeps nothing between calls: ask for state explicit or none, not {model.state}")
    model.reset()
    network, explicit = model.scope == "network", model.state == "explicit"
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder, toolchain_errors("exporting to ONNX"):
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
        found = onnx.load(path)
    model.reset()
    return found


def finalize(found: "ModelProto", model: StreamingPesto, confidence_threshold: float | None = None) -> bytes:
    """The file: what the exporter notes of its own is left out (it names this machine's paths), what the host has to
    know is put in. Raises LoweringError where the past audio is a constant and should not be, or should and is not."""
    frozen = constant_state_inputs(found.graph)
    if frozen and model.state != "frozen":
        raise LoweringError(f"exporting to ONNX made a constant of the stream's memory ({', '.join(frozen)})")
    if not frozen and model.state == "frozen":
        raise LoweringError("exporting to ONNX froze no memory, and state: frozen is to show it; ask for explicit")
    for part in (found.graph, *found.graph.node, *found.graph.initializer, *found.graph.input, *found.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    del found.graph.value_info[:]
    del found.metadata_props[:]
    entry = found.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, as_json(metadata_of(model, confidence_threshold))
    return bytes(found.SerializeToString(deterministic=True))


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
