"""The cost of each layer of a graph: the multiply-adds of a call, and the bytes of its stored tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node
from torch.utils.flop_counter import FlopCounterMode

from workbench.quantize.layers import layer_of
from workbench.record_model import RecordModel

WeightType = Literal["float32", "int8"]


class Layer(RecordModel):
    """A layer that multiplies.

    Attributes:
        name: The name in the model, for example `encoder.prefilter.0`.
        dtype: The type of its weights, which is also the type of its multiply-adds.
        macs: Multiply-adds of one call.
        bytes: Bytes of its stored tensors: weights, biases, and for int8 their scales and zero points.
    """

    name: str
    dtype: WeightType
    macs: int
    bytes: int


@dataclass
class _LayerCount:
    dtype: WeightType
    macs: int = 0
    stored: dict[str, Tensor] = field(default_factory=dict)


def traced(module: nn.Module, inputs: Sequence[Tensor]) -> GraphModule:
    """Returns the graph of a module for inputs of these shapes. A quantized module is a graph already."""
    if isinstance(module, GraphModule):
        return module
    return torch.export.export(module, tuple(inputs)).module(check_guards=False)


@torch.no_grad()
def layers_in(graph: GraphModule, inputs: Sequence[Tensor], part: str) -> list[Layer]:
    """Returns the layers of a graph that multiply, in the order in which they run.

    Multiply-adds are half of PyTorch's count of floating-point operations. All products with constants of one module
    are one layer.

    Args:
        graph: The graph of a part.
        inputs: Inputs of one call. The graph is run on them.
        part: The name of the part, which begins the names of its layers.
    """
    counts: dict[str, _LayerCount] = {}

    class Counter(Interpreter):
        def run_node(self, node: Node) -> Any:
            if node.op != "call_function":
                return super().run_node(node)
            with FlopCounterMode(display=False) as flop_counter:
                result = super().run_node(node)
            flops = flop_counter.get_total_flops()
            if flops:
                stored = {str(source.target): self.fetch_attr(str(source.target)) for source in _constants(node)}
                int8 = any(tensor.dtype == torch.int8 for tensor in stored.values())
                count = counts.setdefault(layer_of(node, part), _LayerCount("int8" if int8 else "float32"))
                count.macs += flops // 2
                count.stored |= stored
            return result

    Counter(graph).run(*inputs)
    return [
        Layer(name=name, dtype=count.dtype, macs=count.macs, bytes=sum(map(_bytes, count.stored.values())))
        for name, count in counts.items()
    ]


def _constants(node: Node) -> list[Node]:
    """Returns the stored tensors that a node reads, directly or through a dequantize."""
    constants = []
    for source in node.all_input_nodes:
        candidates = source.all_input_nodes if "dequantize" in str(source.target) else [source]
        constants += [candidate for candidate in candidates if candidate.op == "get_attr"]
    return constants


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
