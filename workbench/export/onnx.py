"""The restated stream as ONNX. What fails there is state that the model keeps: the exporter makes a constant of it.

Wants the extra `onnx`.
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
        found = onnx.load(path)
    model.reset()
    return found


@contextmanager
def _errors_only(logger: logging.Logger) -> Iterator[None]:
    """Keeps the exporter's warnings from the user; the level of its log is restored."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


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
