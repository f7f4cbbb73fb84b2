"""int8 with ONNX Runtime's own static quantizer: quantize and dequantize nodes around the layers that a rule names.

The exporter records for each node which module it comes from, so that the same rules apply as for XNNPACK. A range is
the smallest and the largest value in the calibration audio; the file stores it beside each tensor. If only the
weights are integers, they are stored before the export, and ONNX Runtime dequantizes them at each call.
"""

import ast
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.quantize.calibration import excerpts, part_inputs
from workbench.quantize.equalize import equalize
from workbench.quantize.layers import PARTS, layers
from workbench.quantize.results import Calibration, Quantized
from workbench.quantize.scopes import check_schemes
from workbench.quantize.weights import store_weights
from workbench.recipe import Quantization
from workbench.recipe.patterns import rule_for

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

    ExportGraph = Callable[[StreamingPesto], ModelProto]

_LAYER_OPERATORS = ("Conv", "MatMul", "Gemm")
_OUTPUT_OF_PART = {"encoder": "pitch", "confidence": "confidence"}  # the front end is needed for every output
_SCOPES_KEY = "pkg.torch.onnx.name_scopes"


def quantize_onnx(
    model: StreamingPesto, export: "ExportGraph", rules: Quantization, clips: Sequence[Tensor], progress: Progress
) -> tuple["ModelProto", Quantized]:
    """Exports the stream to ONNX and quantizes the requested layers, or all that the quantizer accepts.

    Args:
        model: The stream. Its encoder is equalized in place if the rules require it.
        export: Returns the float graph of the model; the metadata of each node names the module that it comes from.
        rules: Which layers become int8. With `everywhere`, the quantizer decides.
        clips: Calibration audio, (n,) float32 each. It runs chunk by chunk; the state is zero at the start of a clip.
        progress: Receives how many chunks were calibrated.

    Returns:
        The quantized graph, and a description of what became int8.

    Raises:
        LoweringError: A layer did not get the scheme of its rule. Exceptions of ONNX Runtime's quantizer pass through.
    """
    started_at = time.perf_counter()
    longest = round(rules.seconds_per_clip * model.stream.sample_rate_hz)
    audio = excerpts(clips if rules.needs_audio else [], longest, rules.seed)
    if rules.equalize and rules.needs_audio:
        equalize(model.encoder, *part_inputs(model, audio)["encoder"])
    known = list(layers(model))
    weights = tuple(found for part in PARTS for found in store_weights(getattr(model, part), part, rules))
    float_model = export(model)
    layer_of_node = {node.name: _layer_of(node) for node in float_model.graph.node}
    reader = _CalibrationReader(model, [tensor.name for tensor in float_model.graph.input], audio, progress)
    if rules.everywhere:
        quantized = _quantize_static(float_model, reader, None, None)
    else:
        operators = [*_LAYER_OPERATORS, *(["LeakyRelu"] if rules.leaky_relu == "int8" else [])]
        nodes = [
            node.name
            for node in float_model.graph.node
            if node.op_type in operators and rule_for(rules.parts, layer_of_node[node.name]) == "int8-static"
        ]
        # the quantizer treats an empty list as all nodes
        quantized = _quantize_static(float_model, reader, nodes, operators) if nodes else float_model
    schemes = _schemes(quantized.graph, layer_of_node, known)
    if not rules.everywhere:
        check_schemes(_with_missing_layers(schemes, known, model.outputs, rules), rules, hints={})
    calibration = _calibration(model, rules, audio, reader.done, started_at) if rules.needs_audio else None
    return quantized, Quantized(schemes, (), weights, {}, {}, calibration)


def _calibration(
    model: StreamingPesto, rules: Quantization, audio: Sequence[Tensor], calls: int, started_at: float
) -> Calibration:
    """Returns the record of a calibration of that many calls."""
    return Calibration(
        excerpts=len(audio),
        audio_s=sum(map(len, audio)) / model.stream.sample_rate_hz,
        rows=calls * model.stream.frames_per_chunk,
        seed=rules.seed,
        corrected_biases=0,
        gaps=(),
        stability=None,
        took_s=time.perf_counter() - started_at,
        null_reasons={"stability": "not measured with ONNX Runtime's quantizer"},
    )


def _quantize_static(
    float_model: "ModelProto",
    reader: "_CalibrationReader",
    nodes: Sequence[str] | None,
    operators: Sequence[str] | None,
) -> "ModelProto":
    """Returns the model with these nodes in int8, as far as their operators are listed. None means all of them."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        float_file, int8_file = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(float_model, float_file)
        quantize_static(
            float_file,
            int8_file,
            reader,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=operators,
            nodes_to_quantize=nodes,
            per_channel=True,
            activation_type=QuantType.QUInt8,  # the runtime is fastest with it on x86
            weight_type=QuantType.QInt8,
        )
        return onnx.load(int8_file)


class _CalibrationReader:
    """Passes the inputs of one call after another to the quantizer: its interface `CalibrationDataReader`."""

    def __init__(
        self, model: StreamingPesto, names: Sequence[str], clips: Sequence[Tensor], progress: Progress
    ) -> None:
        self.total = sum(math.ceil(len(clip) / model.stream.chunk_samples) for clip in clips)
        self.done = 0
        self._calls = _calls(model, names, clips)
        self._progress = progress

    def get_next(self) -> dict[str, Any] | None:
        """Returns input name -> array of the next call, or None after the last."""
        self._progress.report("calibrate", self.done, self.total)
        call = next(self._calls, None)
        if call is not None:
            self.done += 1
        return call


@torch.no_grad()
def _calls(model: StreamingPesto, names: Sequence[str], clips: Sequence[Tensor]) -> Iterator[dict[str, Any]]:
    """Yields the inputs of each call by their names. All streams of a call receive the same audio."""
    past, chunk, streams = model.past_samples, model.stream.chunk_samples, model.stream.streams
    for clip in clips:
        padded = torch.zeros(past + math.ceil(len(clip) / chunk) * chunk)
        padded[past : past + len(clip)] = clip
        for window in padded.unfold(0, past + chunk, chunk):
            window = window.expand(streams, -1)
            inputs = (window[:, past:], window[:, :past]) if model.state == "explicit" else (window,)
            if model.scope == "network":
                inputs = (model.frontend(model.framing(window)),)
            yield {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in zip(names, inputs, strict=True)}


def _layer_of(node: "NodeProto") -> str:
    """Returns the module that a node comes from, by its name in the whole model, or ""."""
    for entry in node.metadata_props:
        if entry.key == _SCOPES_KEY:
            scopes = ast.literal_eval(entry.value)
            return str(scopes[-2]) if len(scopes) > 1 else ""
    return ""


def _schemes(graph: "GraphProto", layer_of_node: Mapping[str, str], known: Sequence[str]) -> dict[str, str]:
    """Returns layer -> scheme in the graph of the file.

    It is static if activation and weight come from a dequantize; int8-weights or int16-weights, by the number of its
    products, if only the weight does; half if only the activation does; and none otherwise.
    """
    producer = {name: node for node in graph.node for name in node.output}

    def is_dequantized(name: str) -> bool:
        return name in producer and producer[name].op_type == "DequantizeLinear"

    found: dict[str, str] = {}
    second_level = {"int8-weights": "int16-weights"}
    for node in graph.node:
        layer = layer_of_node.get(node.name, "")
        if node.op_type in _LAYER_OPERATORS and layer in known:
            weight = producer.get(node.input[1])
            if weight is not None and weight.op_type == "Transpose":  # of a Linear whose input has three axes
                weight = producer.get(weight.input[0])
            int8 = [is_dequantized(node.input[0]), weight is not None and weight.op_type == "DequantizeLinear"]
            if int8 == [False, True]:
                found[layer] = second_level.get(found.get(layer, ""), "int8-weights")
            else:
                found[layer] = "static" if all(int8) else "half" if any(int8) else "none"
    return found


def _with_missing_layers(
    schemes: Mapping[str, str], known: Sequence[str], outputs: Sequence[str], rules: Quantization
) -> dict[str, str]:
    """Returns layer -> scheme for every layer that is known, so that the check also covers layers without a node.

    A layer that a rule names but that has no node is "missing from the graph", unless the exporter removed its part
    because no output needs it.
    """
    found = {}
    for layer in known:
        output = _OUTPUT_OF_PART.get(layer.split(".")[0])
        expected = rule_for(rules.parts, layer) is not None and (output is None or output in outputs)
        found[layer] = schemes.get(layer, "missing from the graph" if expected else "none")
    return found
