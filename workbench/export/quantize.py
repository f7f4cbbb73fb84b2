"""Scoped int8 through PT2E: what a recipe names is quantized, and nothing else can be.

Each part of the stream (front end, encoder, confidence) is exported on its own, annotated, calibrated, converted, and
put back. Its graph holds nothing but the part, so the ring buffer and the log-spectrum are out of reach; frames are its
batch, so that calibration runs on batches of frames; and the converted part is an ordinary submodule that the export of
the whole stream inlines. Within a part, XNNPACK's annotators run once for each scheme, on that scheme's layers alone.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer_utils import OP_TO_ANNOTATOR
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

from workbench.errors import LoweringError, ModelError
from workbench.export.contract import STATE_BUFFER
from workbench.export.observers import activation_ranges, dynamic_config, static_config
from workbench.export.program import Lowered, Quantized, TensorRange
from workbench.model.streaming import StreamingPesto
from workbench.recipe import Quantization
from workbench.recipe.scopes import rule_for, without_part

PARTS = ("frontend", "encoder", "confidence")
STATIC = ("int8-static", "int8-static-per-tensor")

_aten = torch.ops.aten
_WEIGHTED = {_aten.conv1d.default, _aten.conv2d.default, _aten.linear.default}
_LEAKY = {_aten.leaky_relu.default, _aten.leaky_relu_.default}
_BATCH = 256  # rows of a part's input that are observed at once

Inputs = tuple[Tensor, ...]


def layers(model: StreamingPesto) -> list[str]:
    """The parts that a rule can reach, by name: every convolution and Linear of the three parts."""
    return [
        name
        for name, module in model.named_modules()
        if name.split(".")[0] in PARTS and isinstance(module, nn.Conv2d | nn.Linear)
    ]


def check_rules(model: StreamingPesto, asked: Quantization) -> None:
    """Raise ModelError for a rule that reaches no layer."""
    idle = without_part(asked.parts, layers(model))
    if idle:
        known = ", ".join(layers(model))
        raise ModelError(f"quantization.parts: {', '.join(idle)}: no such part with a layer; there are {known}")


@torch.no_grad()
def part_inputs(model: StreamingPesto, clips: Sequence[Tensor]) -> dict[str, Inputs]:
    """What each part hears over the clips, (n,) float32 each, from an empty memory at the start of every clip.

    A row is a frame: what the stream computes one by one, at once. Where the cut into calls matters and their size is
    open, the clips are heard in the smallest calls, and again in the largest.
    """
    past, stream = model.past_samples, model.stream
    cuts = {stream.chunk_samples, stream.max_chunk_samples} if stream.depends_on_chunking else {stream.chunk_samples}
    framed = []
    for chunk in sorted(cuts):
        for samples in clips:
            count = -(-len(samples) // chunk)
            heard = torch.zeros(past + count * chunk)
            heard[past : past + len(samples)] = samples
            framed.append(model.framing(heard.unfold(0, past + chunk, chunk)))
    frames = torch.cat(framed)
    energy = torch.cat([model.frontend(rows) for rows in torch.split(frames, _BATCH)])
    log_energy = energy.log()
    return {
        "frontend": (frames,),
        "encoder": (log_energy[:, model.crop].contiguous(),),
        "confidence": (energy, log_energy),
    }


@torch.no_grad()
def quantize(
    model: StreamingPesto, asked: Quantization, inputs: Mapping[str, Inputs], told: Callable[[int, int], None]
) -> Quantized:
    """Quantize the stream in place; `told` hears how much calibration is done.

    Raises LoweringError where a layer did not become what its rule asks for.
    """
    schemes: dict[str, str] = {}
    ranges: list[TensorRange] = []
    parts = [part for part in PARTS if any(_wants(asked, name) for name in layers(model) if name.startswith(part))]
    for at, part in enumerate(parts):
        told(at, len(parts))
        prepared = observe(getattr(model, part), part, asked, inputs[part])
        ranges += activation_ranges(prepared, lambda node, part=part: layer_of(node, part))  # type: ignore[misc]
        converted = convert_pt2e(prepared)
        schemes |= graph_schemes(converted.graph, part)
        setattr(model, part, converted)
    told(len(parts), len(parts))
    differences = [
        f"{name}: asked {_short(rule_for(asked.parts, name))}, got {got}"
        for name, got in schemes.items()
        if got != _short(rule_for(asked.parts, name))
    ]
    if differences:
        raise LoweringError(
            f"quantization came out other than asked: {'; '.join(differences)} (XNNPACK takes no dynamic int8 for a "
            "convolution with one input channel: ask for none or int8-static there)"
        )
    return Quantized(schemes, tuple(ranges))


def observe(module: nn.Module, part: str, asked: Quantization, inputs: Inputs) -> GraphModule:
    """The part with observers that have seen all its inputs, (rows, ...) each, rows in the same order."""
    rows = torch.export.Dim("rows", min=2, max=4096)
    example = tuple(tensor[:32] for tensor in inputs)
    exported = torch.export.export(module, example, dynamic_shapes=tuple({0: rows} for _ in inputs))
    prepared: GraphModule = prepare_pt2e(exported.module(check_guards=False), _Scoped(part, asked))
    static = any(scheme in STATIC for scheme in asked.parts.values())
    for batch in zip(*(torch.split(tensor, _BATCH if static else 2) for tensor in inputs), strict=True):
        prepared(*batch)
        if not static:
            break
    return prepared


class _Scoped(XNNPACKQuantizer):  # type: ignore[misc]
    """XNNPACK's annotators on the layers that a rule reaches; no cat pattern, no sharing through shape operators."""

    def __init__(self, part: str, asked: Quantization) -> None:
        super().__init__()
        self.part, self.asked = part, asked

    def transform_for_annotation(self, model: GraphModule) -> GraphModule:
        return model

    def annotate(self, model: GraphModule) -> GraphModule:
        for scheme in sorted(set(self.asked.parts.values()) - {"none"}):

            def mine(node: Node, scheme: str = scheme) -> bool:
                """Nodes of this scheme's layers; weights are get_attr nodes that belong to no module."""
                return node.op == "get_attr" or rule_for(self.asked.parts, layer_of(node, self.part)) == scheme

            if scheme == "int8-dynamic":
                for operator in ("conv", "linear"):
                    OP_TO_ANNOTATOR[operator](model, dynamic_config(), mine)
                continue
            per_channel = scheme == "int8-static"
            config = static_config(self.asked.observer, self.asked.outside, per_channel)
            for operator in ("linear_relu", "conv_relu", "linear", "conv"):
                OP_TO_ANNOTATOR[operator](model, config, mine)
            if self.asked.residual_add == "int8":
                OP_TO_ANNOTATOR["add"](model, config, mine)
            if self.asked.leaky_relu == "int8":
                for node in filter(mine, model.graph.nodes):
                    if node.target in _LEAKY:
                        node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                            {node.args[0]: config.input_activation}, config.output_activation, _annotated=True
                        )
        return model


def layer_of(node: Node, part: str) -> str:
    """The module that a node was traced from, by its name in the whole model ("encoder.prefilter.1.0")."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    inner = stack[-1][0].removeprefix("L['self']").lstrip(".") if stack else ""
    return f"{part}.{inner}" if inner else part


def graph_schemes(graph: torch.fx.Graph, part: str) -> dict[str, str]:
    """What each convolution and Linear of a converted graph is: layer -> static, dynamic, none, or half of one."""
    found = {}
    for node in graph.nodes:
        if node.target in _WEIGHTED:
            activation, weight = (_is_dequantize(node.args[at]) for at in (0, 1))
            if activation and weight:  # a dynamic scale is computed by a node, a static one is a number
                found[layer_of(node, part)] = "dynamic" if isinstance(node.args[0].args[1], Node) else "static"
            elif activation or weight:
                found[layer_of(node, part)] = "activation only" if activation else "weight only"
            else:
                found[layer_of(node, part)] = "none"
    return found


def _is_dequantize(node: object) -> bool:
    return isinstance(node, Node) and str(node.target).startswith("quantized_decomposed.dequantize")


def _wants(asked: Quantization, name: str) -> bool:
    return _short(rule_for(asked.parts, name)) != "none"


def _short(scheme: str | None) -> str:
    return "none" if scheme is None else scheme.removeprefix("int8-").removesuffix("-per-tensor")


def check_lowered(quantized: Quantized, lowered: Lowered) -> None:
    """Raise LoweringError where the lowered graph does not hold what the converted one did."""
    wanted = sum(scheme != "none" for scheme in quantized.schemes.values())
    got = sum(lowered.quantized_ops.values())
    outside = sum(count for name, count in lowered.portable_ops.items() if "quantize" in name)
    if got != wanted or outside:
        raise LoweringError(
            f"the program does not do what was asked: {wanted} layers in int8, {got} came out of lowering, and "
            f"{outside} quantize or dequantize operators stayed outside the delegate"
        )


@torch.no_grad()
def quantize_globally(model: StreamingPesto, clips: Sequence[Tensor], told: Callable[[int, int], None]) -> GraphModule:
    """The whole stream with XNNPACK's global configuration, as a first attempt would: memory and spectrum included.

    Calibrated chunk by chunk on (n,) float32 clips, the memory emptied before each, and after the last.
    """
    chunk = model.stream.chunk_samples
    exported = torch.export.export(model, (torch.zeros(1, chunk),))
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config())
    prepared: GraphModule = prepare_pt2e(exported.module(check_guards=False), quantizer)
    for at, samples in enumerate(clips):
        told(at, len(clips))
        prepared.get_buffer(STATE_BUFFER).zero_()
        for row in torch.split(samples[: len(samples) // chunk * chunk], chunk):
            prepared(row[None])
    told(len(clips), len(clips))
    converted: GraphModule = convert_pt2e(prepared)
    converted.get_buffer(STATE_BUFFER).zero_()
    return converted
