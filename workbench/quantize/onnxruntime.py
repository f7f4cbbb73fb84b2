"""int8 by ONNX Runtime's own static quantization: quantize and dequantize around the layers that a rule names.

The exporter notes at each node which module it comes from, so that rules go by the same names as in XNNPACK. Ranges are
the least and greatest value heard; they are in the file, beside each tensor.
"""

import ast
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import LoweringError
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.quantize.calibration import excerpts, part_inputs
from workbench.quantize.equalize import equalize
from workbench.quantize.layers import layers
from workbench.quantize.results import Calibration, Quantized
from workbench.recipe import Quantization
from workbench.recipe.scopes import rule_for

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

    ExportGraph = Callable[[StreamingPesto], ModelProto]

_LAYERS = ("Conv", "MatMul", "Gemm")
_FEEDS = {"encoder": "pitch", "confidence": "confidence"}  # what each part is for; the front end is for all
_SCOPES = "pkg.torch.onnx.name_scopes"


def quantize_onnx(
    model: StreamingPesto, export: "ExportGraph", rules: Quantization, clips: Sequence[Tensor], progress: Progress
) -> tuple["ModelProto", Quantized]:
    """Exports the stream to ONNX and quantizes the requested layers, or all that the quantizer accepts.

    Args:
        model: the stream. Its encoder is equalized in place if the rules require it.
        export: returns the float graph of the model; the metadata of each node names the module that it comes from.
        rules: which layers become int8. With `everywhere`, the quantizer decides.
        clips: calibration audio, (n,) float32 each. It runs chunk by chunk; the state is zero at the start of a clip.
        progress: receives how many chunks were calibrated.

    Returns:
        The quantized graph, and a description of what became int8.

    Raises:
        LoweringError: a layer did not get the scheme of its rule. Exceptions of ONNX Runtime's quantizer pass through.
    """
    began = time.perf_counter()
    heard = excerpts(clips, round(rules.seconds_per_clip * model.stream.sample_rate_hz), rules.seed)
    if rules.equalize:
        equalize(model.encoder, *part_inputs(model, heard)["encoder"])
    plain = export(model)
    layer = {node.name: _layer(node) for node in plain.graph.node}
    calls = _Calls(model, [given.name for given in plain.graph.input], heard, progress)
    nodes, operators = None, None
    if not rules.everywhere:
        operators = [*_LAYERS, *(["LeakyRelu"] if rules.leaky_relu == "int8" else [])]
        nodes = [
            node.name
            for node in plain.graph.node
            if node.op_type in operators and rule_for(rules.parts, layer[node.name]) == "int8-static"
        ]
    found = plain if nodes == [] else _quantized(plain, calls, nodes, operators)  # to it, no nodes are all
    schemes = _schemes(found.graph, layer, layers(model))
    if not rules.everywhere:
        idle = {part for part, output in _FEEDS.items() if output not in model.outputs}  # which the exporter leaves out
        unused = {name: "none" for name in layers(model) if name.split(".")[0] in idle}
        _check(unused | schemes, layers(model), rules)
    calibration = Calibration(
        excerpts=len(heard),
        audio_s=sum(map(len, heard)) / model.stream.sample_rate_hz,
        rows=calls.done * model.stream.frames_per_chunk,
        seed=rules.seed,
        corrected_biases=0,
        gaps=(),
        stability=None,
        took_s=time.perf_counter() - began,
        null_reasons={"stability": "not measured with ONNX Runtime's quantizer"},
    )
    return found, Quantized(schemes, (), {}, 0, calibration)


def _quantized(
    plain: "ModelProto", calls: "_Calls", nodes: Sequence[str] | None, operators: Sequence[str] | None
) -> "ModelProto":
    """Those nodes in int8, or for None, all that the quantizer takes."""
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        import onnx
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(plain, before)
        quantize_static(
            before,
            after,
            calls,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=operators,
            nodes_to_quantize=nodes,
            per_channel=True,
            activation_type=QuantType.QUInt8,  # what the runtime is fastest with on x86
            weight_type=QuantType.QInt8,
        )
        return onnx.load(after)


class _Calls:
    """What the quantizer draws its calls from, by the names of the model's inputs: one a call, in order."""

    def __init__(
        self, model: StreamingPesto, names: Sequence[str], clips: Sequence[Tensor], progress: Progress
    ) -> None:
        chunk = model.stream.chunk_samples
        self.total = sum(-(-len(clip) // chunk) for clip in clips)
        self.done = 0
        self._calls = _calls(model, names, clips)
        self._progress = progress

    def get_next(self) -> dict[str, Any] | None:
        call = next(self._calls, None)
        if call is not None:
            self._progress.report("calibrate", self.done, self.total)
            self.done += 1
        return call


@torch.no_grad()
def _calls(model: StreamingPesto, names: Sequence[str], clips: Sequence[Tensor]) -> Iterator[dict[str, Any]]:
    """Every stream of a call hears the same."""
    past, chunk, streams = model.past_samples, model.stream.chunk_samples, model.stream.streams
    for clip in clips:
        heard = torch.zeros(past + -(-len(clip) // chunk) * chunk)
        heard[past : past + len(clip)] = clip
        for window in heard.unfold(0, past + chunk, chunk):
            window = window.expand(streams, -1)
            inputs = (window[:, past:], window[:, :past]) if model.state == "explicit" else (window,)
            if model.scope == "network":
                inputs = (model.frontend(model.framing(window)),)
            yield {name: np.ascontiguousarray(given.numpy()) for name, given in zip(names, inputs, strict=True)}


def _layer(node: Any) -> str:
    """The module that a node comes from, by its name in the whole model."""
    for entry in node.metadata_props:
        if entry.key == _SCOPES:
            scopes = ast.literal_eval(entry.value)
            return str(scopes[-2]) if len(scopes) > 1 else ""
    return ""


def _schemes(graph: "GraphProto", layer: Mapping[str, str], known: Sequence[str]) -> dict[str, str]:
    """What each layer is, by its nodes: static where all that it takes comes out of a dequantize."""
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    found: dict[str, str] = {}
    for node in graph.node:
        name = layer.get(node.name, "")
        if node.op_type in _LAYERS and name in known:
            int8 = [made_by.get(given) == "DequantizeLinear" for given in node.input[:2]]
            found[name] = "static" if all(int8) else "none" if not any(int8) else "half"
    return found


def _check(schemes: Mapping[str, str], known: Sequence[str], asked: Quantization) -> None:
    """Raise LoweringError for a layer that is other than asked, and for one that a rule reaches and the graph has
    not: what is not found is not checked."""
    wrong = []
    for name in known:
        rule = rule_for(asked.parts, name)
        wanted = "static" if rule == "int8-static" else "none"
        got = schemes.get(name, "none" if rule is None else "nothing, it is not in the graph")
        if got != wanted:
            wrong.append(f"{name}: asked {wanted}, got {got}")
    if wrong:
        raise LoweringError(f"quantization came out other than asked: {'; '.join(wrong)}")
