"""The layers that a rule can name, and how they are identified in a traced graph."""

from collections import Counter
from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node

from workbench.model.streaming import StreamingPesto
from workbench.recipe.options import WEIGHT_SCHEMES

PARTS = ("frontend", "encoder", "confidence")
"""The parts of the stream that can be quantized: submodules of `StreamingPesto`."""

_aten = torch.ops.aten
_CONVOLUTIONS = {_aten.conv1d.default, _aten.conv2d.default}
LEAKY_RELU_OPS = {_aten.leaky_relu.default, _aten.leaky_relu_.default}
ADD_OPS = {_aten.add.Tensor, _aten.add_.Tensor}
WEIGHTED = {*_CONVOLUTIONS, _aten.linear.default}

QUANT_RANGES = {8: (-127, 127), 4: (-8, 7)}
"""Bits of a stored weight -> the smallest and the largest integer. XNNPACK stores four bits only for this range."""

_BITS: dict[object, int] = {limits: bits for bits, limits in QUANT_RANGES.items()}
_SCHEME_OF_LEVELS: dict[tuple[int | None, ...], str] = {levels: scheme for scheme, levels in WEIGHT_SCHEMES.items()}


def layers(model: StreamingPesto) -> dict[str, nn.Module]:
    """Returns all layers in the program that a rule can name, by name: convolutions and Linears of the parts."""
    parts = PARTS if model.scope == "whole" else PARTS[1:]
    return {name: layer for part in parts for name, layer in layers_of(getattr(model, part), part).items()}


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
    return ".".join(name for name in (part, inner) if name)


def weighted_nodes(graph: Graph, part: str) -> Iterator[tuple[str, Node]]:
    """Yields the layer and the node of each convolution and Linear of a graph, in the order in which they run."""
    return ((layer_of(node, part), node) for node in graph.nodes if node.target in WEIGHTED)


def graph_schemes(graph: Graph, part: str) -> dict[str, str]:
    """Returns layer -> scheme in a converted graph, in the order in which the layers run.

    A scheme is static or dynamic, with "-per-tensor" if its weight has a single scale; one of WEIGHT_SCHEMES; or none;
    or "activation only" or "weight only" if one of the two inputs stayed float without such a scheme.
    """
    found = {}
    levels: dict[str, tuple[int | None, ...]] = {}
    for name, node in weighted_nodes(graph, part):
        activation, weight = _dequantize(node.args[0]), _dequantize(node.args[1])
        if activation and weight:  # a dynamic scale is the output of a node, a static scale is a number
            per_tensor = "per_tensor" in str(weight.target)
            range_of_activation = "dynamic" if isinstance(activation.args[1], Node) else "static"
            found[name] = range_of_activation + ("-per-tensor" if per_tensor else "")
        elif weight:
            levels[name] = (*levels.get(name, ()), stored_bits(weight))
            found[name] = _SCHEME_OF_LEVELS.get(levels[name], "weight only")
        else:
            found[name] = "activation only" if activation else "none"
    return found


def stored_bits(dequantize: Node) -> int | None:
    """Returns the bits of the integers that a dequantize reads, None if their range is no stored one."""
    *_, low, high, _ = dequantize.args
    return _BITS.get((low, high))


def integer_weights_name(operator: str, dequantize: Node) -> str:
    """Returns the name of an operator of which only the weights are integers in counts: "linear_int8_weights"."""
    return f"{operator}_int{stored_bits(dequantize)}_weights"


def packed_bytes(integers: Tensor, bits: int | None) -> int:
    """Returns the bytes of an integer tensor in a program: rows of four bits are packed in pairs."""
    return integers.numel() // integers.shape[-1] * ((integers.shape[-1] * (bits or 8) + 7) // 8)


class IntegerOperators(NamedTuple):
    """What a graph computes with integers.

    Attributes:
        counts: Operator -> count: layers in int8 ("convolution", "linear"), adds and leaky ReLUs between int8 tensors
            ("add", "leaky_relu"), and products with integer weights and float inputs ("linear_int8_weights").
        weight_bytes: Type of the weights ("int8", "int4") -> their bytes.
    """

    counts: Counter[str]
    weight_bytes: Counter[str]


def integer_operators(converted: GraphModule, part: str) -> IntegerOperators:
    """Counts what the converted graph of a part computes with integers."""
    operators: Counter[str] = Counter()
    weight_bytes: Counter[str] = Counter()
    for _, node in weighted_nodes(converted.graph, part):
        weight = _dequantize(node.args[1])
        if weight and isinstance(weight.args[0], Node):
            operator = "convolution" if node.target in _CONVOLUTIONS else "linear"
            operators[operator if _dequantize(node.args[0]) else integer_weights_name(operator, weight)] += 1
            bits = stored_bits(weight)
            stored = attrgetter(str(weight.args[0].target))(converted)
            weight_bytes["int4" if bits == 4 else "int8"] += packed_bytes(stored, bits)
    for node in converted.graph.nodes:
        name = "add" if node.target in ADD_OPS else "leaky_relu" if node.target in LEAKY_RELU_OPS else None
        if name and all(map(_dequantize, node.all_input_nodes)) and all(map(_quantizes, node.users)):
            operators[name] += 1
    return IntegerOperators(operators, weight_bytes)


def output_node(node: Node, part: str) -> Node:
    """Returns the node that computes the output of a layer, from the node of its first product.

    Integer weights are multiplied level by level, and the levels and the bias are added up in the same layer.
    """
    layer = layer_of(node, part)
    while len(node.users) == 1:
        (user,) = node.users
        if user.target not in ADD_OPS or layer_of(user, part) != layer:
            break
        node = user
    return node


def _quantizes(node: Node) -> bool:
    return str(node.target).startswith("quantized_decomposed.quantize")


def _dequantize(value: object) -> Node | None:
    """Returns the value if it is the output of a dequantize, else None."""
    if isinstance(value, Node) and str(value.target).startswith("quantized_decomposed.dequantize"):
        return value
    return None
