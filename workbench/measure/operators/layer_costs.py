"""The cost of each layer of a graph: the multiply-adds of a call, and the bytes of its stored tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node
from torch.utils.flop_counter import FlopCounterMode

from workbench.quantize.layers import ADD_OPS, layer_of, packed_bytes, stored_bits
from workbench.record_model import RecordModel

WeightType = Literal["float32", "int8"]


class Layer(RecordModel):
    """A layer that multiplies.

    Attributes:
        name: The name in the model, for example `encoder.prefilter.0`.
        dtype: The type of its multiply-adds: float32 also if only its weights are integers.
        macs: Multiply-adds of one call.
        bytes: Bytes of its stored tensors: weights, biases, and the scales of integer weights.
    """

    name: str
    dtype: WeightType
    macs: int
    bytes: int


@dataclass
class _LayerCount:
    dtype: WeightType
    macs: int = 0
    stored: dict[str, int] = field(default_factory=dict)


@torch.no_grad()
def layers_in(graph: GraphModule, inputs: Sequence[Tensor]) -> list[Layer]:
    """Returns the layers of a model's graph that multiply, in the order in which they run.

    Multiply-adds are half of PyTorch's count of floating-point operations. All products with constants of one module
    are one layer.

    Args:
        graph: The graph.
        inputs: Inputs of one call. The graph is run on them.
    """
    counts: dict[str, _LayerCount] = {}

    class Counter(Interpreter):
        def run_node(self, node: Node) -> Any:
            if node.op != "call_function":
                return super().run_node(node)
            with FlopCounterMode(display=False) as flop_counter:
                result = super().run_node(node)
            flops = flop_counter.get_total_flops()
            layer = layer_of(node, "")
            if flops:
                int8 = all("dequantize" in str(source.target) for source in node.all_input_nodes[:2])
                counts.setdefault(layer, _LayerCount("int8" if int8 else "float32")).macs += flops // 2
            if flops or (layer in counts and node.target in ADD_OPS):  # integer weights have their bias in an add
                stored = {name: _bytes(self.fetch_attr(name), bits) for name, bits in _constants(node)}
                counts[layer].stored |= stored
            return result

    Counter(graph).run(*inputs)
    return [
        Layer(name=name, dtype=count.dtype, macs=count.macs, bytes=sum(count.stored.values()))
        for name, count in counts.items()
    ]


def _constants(node: Node) -> list[tuple[str, int | None]]:
    """Returns the stored tensors that a node reads, directly or through a dequantize, with the bits of integers.

    The zero points of a dequantize are left out: a program does not store them.
    """
    constants: list[tuple[str, int | None]] = []
    for source in node.all_input_nodes:
        if source.op == "get_attr":
            constants.append((str(source.target), None))
        elif "dequantize_per_channel" in str(source.target):
            integers, scales, _ = source.all_input_nodes
            constants += [(str(integers.target), stored_bits(source)), (str(scales.target), None)]
        elif "dequantize" in str(source.target):
            constants += [(str(stored.target), None) for stored in source.all_input_nodes if stored.op == "get_attr"]
    return constants


def _bytes(tensor: Tensor, bits: int | None) -> int:
    return packed_bytes(tensor, bits) if bits else tensor.numel() * tensor.element_size()
