"""Quantizes one part of the stream with PT2E, with XNNPACK's annotators on the layers that the rules name."""

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
from workbench.quantize.layers import LEAKY_RELU_OPS, layer_of, layers_of
from workbench.quantize.pt2e.layer_error import correct_biases
from workbench.quantize.pt2e.observers import activation_ranges, scheme_config, training_config
from workbench.quantize.results import StoredWeights, TensorRange
from workbench.quantize.weights import store_weights
from workbench.recipe import Quantization
from workbench.recipe.options import DYNAMIC_SCHEMES, WEIGHT_SCHEMES, Scheme
from workbench.recipe.patterns import rule_for

_BIAS_ROWS = 1024  # rows on which biases are corrected, in one batch


@dataclass(frozen=True)
class ConvertedPart:
    """A quantized part, its fixed ranges, its weights that are integers, and how many of its biases were corrected."""

    module: GraphModule
    ranges: list[TensorRange]
    weights: list[StoredWeights]
    corrected_biases: int


@torch.no_grad()
def quantize_part(
    module: nn.Module, part: str, rules: Quantization, inputs: Inputs, advance: Callable[[int], None]
) -> ConvertedPart:
    """Returns a quantized copy of a part.

    Args:
        module: The float part, which is not changed.
        part: Its name in the whole model.
        rules: The schemes of the layers, and how ranges are found.
        inputs: Calibration rows of the part, (rows, ...) each; their content matters only to static schemes.
        advance: Receives the number of rows that the observers have processed since the last call.
    """
    rows = torch.export.Dim("rows", min=2, max=4096)
    # torch.export treats a size of 1 as a constant, so a single row is repeated
    example = tuple((tensor if len(tensor) > 1 else torch.cat((tensor, tensor)))[:32] for tensor in inputs)
    stored = copy.deepcopy(module)
    weights = store_weights(stored, part, rules)
    exported = torch.export.export(stored, example, dynamic_shapes=tuple({0: rows} for _ in inputs))
    graph = exported.module(check_guards=False)
    if {rule_for(rules.parts, layer) for layer in layers_of(module, part)} <= {None, "none", *WEIGHT_SCHEMES}:
        advance(len(inputs[0]))
        return ConvertedPart(graph, [], weights, 0)
    prepared: GraphModule = prepare_pt2e(graph, ScopedQuantizer(part, rules))
    if is_static(rules):
        for batch in zip(*(torch.split(tensor, BATCH) for tensor in inputs), strict=True):
            prepared(*batch)
            advance(len(batch[0]))
    else:
        prepared(*example)  # dynamic ranges need no calibration, but every observer has to run once
        advance(len(inputs[0]))
    ranges = activation_ranges(prepared, lambda node: layer_of(node, part))
    converted: GraphModule = convert_pt2e(prepared)
    corrected = correct_biases(module, converted, part, subsample_rows(inputs, _BIAS_ROWS)) if rules.correct_bias else 0
    return ConvertedPart(converted, ranges, weights, corrected)


def is_static(rules: Quantization) -> bool:
    """Returns whether any range is fixed at calibration."""
    return any(scheme.startswith("int8-static") for scheme in rules.parts.values())


class ScopedQuantizer(XNNPACKQuantizer):  # type: ignore[misc]
    """Applies XNNPACK's annotators to the layers of each scheme.

    Unlike XNNPACK's own quantizer, it neither annotates `cat` nor shares ranges through shape operators.

    Args:
        part: The name of the part in the whole model.
        rules: The schemes of its layers, and how ranges are found.
        trained: The part is trained while it rounds. The schemes are then static.
    """

    def __init__(self, part: str, rules: Quantization, trained: bool = False) -> None:
        super().__init__()
        self.part, self.rules, self.trained = part, rules, trained

    def transform_for_annotation(self, model: GraphModule) -> GraphModule:
        return model

    def annotate(self, model: GraphModule) -> GraphModule:
        for scheme in sorted(set(self.rules.parts.values()) - {"none", *WEIGHT_SCHEMES}):
            self._annotate_scheme(model, scheme)
        return model

    def _annotate_scheme(self, model: GraphModule, scheme: Scheme) -> None:
        def in_scheme(node: Node) -> bool:
            """Returns whether a node is in a layer of this scheme. A weight is always accepted: it is in no layer."""
            return node.op == "get_attr" or rule_for(self.rules.parts, layer_of(node, self.part)) == scheme

        config = (
            training_config(per_channel=scheme == "int8-static")
            if self.trained
            else scheme_config(scheme, self.rules.observer, self.rules.outside)
        )
        if scheme in DYNAMIC_SCHEMES:
            for operator in ("conv", "linear"):
                OP_TO_ANNOTATOR[operator](model, config, in_scheme)
            return
        for operator in ("linear_relu", "conv_relu", "linear", "conv"):
            OP_TO_ANNOTATOR[operator](model, config, in_scheme)
        if self.rules.residual_add == "int8":  # an add is in no layer; the rule of the layer before it applies
            OP_TO_ANNOTATOR["add"](model, config, lambda node: in_scheme(node.all_input_nodes[0]))
        if self.rules.leaky_relu == "int8":
            for node in filter(in_scheme, model.graph.nodes):
                if node.target in LEAKY_RELU_OPS:
                    node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                        {node.args[0]: config.input_activation}, config.output_activation, _annotated=True
                    )
