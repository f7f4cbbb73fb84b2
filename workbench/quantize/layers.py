"""The layers that a rule can name, and how they are identified in a traced graph."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn
from torch.fx import Graph, GraphModule, Node

from workbench.model.streaming import StreamingPesto

PARTS = ("frontend", "encoder", "confidence")
"""The parts of the stream that can be quantized: submodules of `StreamingPesto`."""

_aten = torch.ops.aten
_CONVOLUTIONS = {_aten.conv1d.default, _aten.conv2d.default}
LEAKY_RELU_OPS = {_aten.leaky_relu.default, _aten.leaky_relu_.default}
ADD_OPS = {_aten.add.Tensor, _aten.add_.Tensor}
WEIGHTED = {*_CONVOLUTIONS, _aten.linear.default}


def layers(model: StreamingPesto) -> list[str]:
    """Returns the names of all layers in the program that a rule can name: convolutions and Linears of the parts."""
    parts = PARTS if model.scope == "whole" else PARTS[1:]
    return [name for part in parts for name in layers_of(getattr(model, part), part)]


def layers_of(module: nn.Module, part: str) -> dict[str, nn.Module]:
    """Returns the convolutions and Linears of one part by their names in the whole model."""
    return {
        f"{part}.{name}": inner
        for name, inner in module.named_modules()
        if isinstance(inner, nn.Conv1d | nn.Conv2d | nn.Linear)
    }


def layer_of(node: Node, part: str) -> str:
    """Returns the module that a node was traced from, by its name in the whole model ("encoder.prefilter.1.0")."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    inner = stack[-1][0].removeprefix("L['self']").lstrip(".") if stack else ""
    return f"{part}.{inner}" if inner else part


def weighted_nodes(graph: Graph, part: str) -> Iterator[tuple[str, Node]]:
    """Yields the layer and the node of each convolution and Linear of a graph, in the order in which they run."""
    return ((layer_of(node, part), node) for node in graph.nodes if node.target in WEIGHTED)


def graph_schemes(graph: Graph, part: str) -> dict[str, str]:
    """Returns layer -> scheme in a converted graph, in the order in which the layers run.

    A scheme is static or dynamic, with "-per-tensor" if its weight has a single scale; or none; or "activation only" or
    "weight only" if the other of the two inputs stayed float.
    """
    found = {}
    for name, node in weighted_nodes(graph, part):
        activation, weight = _dequantize(node.args[0]), _dequantize(node.args[1])
        if activation and weight:  # a dynamic scale is the output of a node, a static scale is a number
            per_tensor = "per_tensor" in str(weight.target)
            range_of_activation = "dynamic" if isinstance(activation.args[1], Node) else "static"
            found[name] = range_of_activation + ("-per-tensor" if per_tensor else "")
        elif activation or weight:
            found[name] = "activation only" if activation else "weight only"
        else:
            found[name] = "none"
    return found


class Int8Operators(NamedTuple):
    """What a graph computes in int8.

    Attributes:
        counts: Operator -> count: layers with int8 weights ("convolution", "linear"), and adds and leaky ReLUs between
            int8 tensors ("add", "leaky_relu").
        weight_bytes: Bytes of the int8 weights.
    """

    counts: Counter[str]
    weight_bytes: int


def int8_operators(converted: GraphModule, part: str) -> Int8Operators:
    """Counts what the converted graph of a part computes in int8."""
    operators: Counter[str] = Counter()
    weight_bytes = 0
    for _, node in weighted_nodes(converted.graph, part):
        weight = _dequantize(node.args[1])
        if weight and isinstance(weight.args[0], Node):
            operators["convolution" if node.target in _CONVOLUTIONS else "linear"] += 1
            stored = getattr(converted, str(weight.args[0].target))
            weight_bytes += stored.numel() * stored.element_size()
    for node in converted.graph.nodes:
        name = "add" if node.target in ADD_OPS else "leaky_relu" if node.target in LEAKY_RELU_OPS else None
        if name and all(map(_dequantize, node.all_input_nodes)) and all(map(_quantizes, node.users)):
            operators[name] += 1
    return Int8Operators(operators, weight_bytes)


def _quantizes(node: Node) -> bool:
    return str(node.target).startswith("quantized_decomposed.quantize")


def _dequantize(value: object) -> Node | None:
    """Returns the value if it is the output of a dequantize, else None."""
    if isinstance(value, Node) and str(value.target).startswith("quantized_decomposed.dequantize"):
        return value
    return None
