"""What each layer of a graph costs: multiply-adds of a call, and the bytes of what it stores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node
from torch.utils.flop_counter import FlopCounterMode

from workbench.quantize.layers import layer_of
from workbench.record_model import RecordModel

Kind = Literal["float32", "int8"]


class Layer(RecordModel):
    """A layer by its name in the model; `dtype` is that of its weights, and of its multiply-adds."""

    name: str
    dtype: Kind
    macs: int
    bytes: int


@dataclass
class _Found:
    dtype: Kind
    macs: int
    stored: dict[str, Tensor]


def traced(module: nn.Module, inputs: Sequence[Tensor]) -> GraphModule:
    """The graph of a module for inputs of these shapes; one that was quantized has its own."""
    if isinstance(module, GraphModule):
        return module
    return torch.export.export(module, tuple(inputs)).module(check_guards=False)


@torch.no_grad()
def layers_in(graph: GraphModule, inputs: Sequence[Tensor], part: str) -> list[Layer]:
    """Every layer of a graph of `part` that multiplies, in the order in which they run; products with a constant that
    stand in one module are one layer. Multiply-adds are PyTorch's own count of floating-point operations, halved."""
    found: dict[str, _Found] = {}

    class Count(Interpreter):
        def run_node(self, node: Node) -> Any:
            if node.op != "call_function":
                return super().run_node(node)
            with FlopCounterMode(display=False) as counter:
                result = super().run_node(node)
            if flops := counter.get_total_flops():
                stored = {str(source.target): self.fetch_attr(str(source.target)) for source in _constants(node)}
                int8 = any(tensor.dtype == torch.int8 for tensor in stored.values())
                name = layer_of(node, part)
                layer = found.setdefault(name, _Found("int8" if int8 else "float32", 0, {}))
                layer.macs += flops // 2
                layer.stored |= stored
            return result

    Count(graph).run(*inputs)
    return [
        Layer(name=name, dtype=layer.dtype, macs=layer.macs, bytes=sum(map(_bytes, layer.stored.values())))
        for name, layer in found.items()
    ]


def _constants(node: Node) -> list[Node]:
    """The stored tensors that a node reads, itself or through a dequantize."""
    sources = []
    for source in node.all_input_nodes:
        through = source.all_input_nodes if "dequantize" in str(source.target) else [source]
        sources += [each for each in through if each.op == "get_attr"]
    return sources


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
