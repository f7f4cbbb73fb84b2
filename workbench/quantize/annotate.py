"""One part of the stream through PT2E, with XNNPACK's annotators on the layers that a rule reaches, and no others."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer_utils import OP_TO_ANNOTATOR
from torch import nn
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

from workbench.quantize.calibration import BATCH, Inputs, subsample_rows
from workbench.quantize.layer_error import correct_biases
from workbench.quantize.layers import LEAKY_RELU_OPS, layer_of
from workbench.quantize.observers import activation_ranges, dynamic_config, static_config
from workbench.quantize.results import TensorRange
from workbench.recipe import Quantization
from workbench.recipe.scopes import rule_for

_BIAS_ROWS = 1024  # on which biases are corrected, at once


@dataclass(frozen=True)
class ConvertedPart:
    """A quantized part, the ranges that it was given, and how many of its biases were corrected."""

    module: GraphModule
    ranges: list[TensorRange]
    corrected_biases: int


@torch.no_grad()
def quantize_part(
    module: nn.Module, part: str, asked: Quantization, inputs: Inputs, heard: Callable[[int], None]
) -> ConvertedPart:
    """Quantize a part, calibrated on (rows, ...) each of `inputs`; the module itself stays as it is.

    `heard` is told how many rows more the observers have seen.
    """
    rows = torch.export.Dim("rows", min=2, max=4096)
    example = tuple(tensor[:32] for tensor in inputs)
    exported = torch.export.export(copy.deepcopy(module), example, dynamic_shapes=tuple({0: rows} for _ in inputs))
    prepared: GraphModule = prepare_pt2e(exported.module(check_guards=False), _ScopedQuantizer(part, asked))
    if is_static(asked):
        for batch in zip(*(torch.split(tensor, BATCH) for tensor in inputs), strict=True):
            prepared(*batch)
            heard(len(batch[0]))
    else:
        prepared(*example)  # nothing is learned from it, but every observer has to have run
        heard(len(inputs[0]))
    ranges = activation_ranges(prepared, lambda node: layer_of(node, part))
    converted: GraphModule = convert_pt2e(prepared)
    corrected = correct_biases(module, converted, part, subsample_rows(inputs, _BIAS_ROWS)) if asked.correct_bias else 0
    return ConvertedPart(converted, ranges, corrected)


def is_static(asked: Quantization) -> bool:
    """Whether any range is fixed at calibration."""
    return any(scheme.startswith("int8-static") for scheme in asked.parts.values())


class _ScopedQuantizer(XNNPACKQuantizer):  # type: ignore[misc]
    """XNNPACK's annotators, a scheme at a time; no cat pattern, no sharing through shape operators."""

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
            if self.asked.residual_add == "int8":  # an add stands in no layer: it goes with the one it is behind
                OP_TO_ANNOTATOR["add"](model, config, lambda node: mine(node.all_input_nodes[0]))
            if self.asked.leaky_relu == "int8":
                for node in filter(mine, model.graph.nodes):
                    if node.target in LEAKY_RELU_OPS:
                        node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                            {node.args[0]: config.input_activation}, config.output_activation, _annotated=True
                        )
        return model
