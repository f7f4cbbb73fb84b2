"""The restated stream as ONNX. A state that the model itself keeps fails there: the exporter folds it into a constant.

Requires the extra `onnx`.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from workbench.errors import LoweringError
from workbench.export.exporter import ExportInputs, Extra
from workbench.export.metadata import METADATA_KEY, as_json, metadata_of
from workbench.export.onnx_inspect import constant_state_inputs, inspect_onnx
from workbench.export.program_file import ExportedProgram, ProgramFormat
from workbench.export.toolchain_errors import toolchain_errors
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.quantize.onnxruntime import quantize_onnx

if TYPE_CHECKING:
    from onnx import ModelProto

_INPUTS = {"explicit": ("audio", "ring"), "none": ("window",), "frozen": ("audio",)}
ONNX_EXTRA = Extra("onnx", ("onnx", "onnxscript", "onnxruntime"), ("onnx", "onnxscript", "onnx_ir", "onnxruntime"))


@dataclass(frozen=True)
class OnnxExporter:
    """The exporter for ONNX Runtime, which also quantizes with its own quantizer."""

    extra: Extra = ONNX_EXTRA
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
    """Returns the file: the exporter's notes, which name paths of this machine, are replaced by the metadata.

    Raises LoweringError if the state is a constant and should not be one, or should be one and is not.
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
