"""Quantization-aware training with torchao's PT2E: a part of the stream that rounds while it is trained.

The annotators and the layers are those with which `annotate` quantizes the part for a program. Gradients pass through
the rounding as if it were not there: B. Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference", CVPR 2018, section 3.
"""

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torchao.quantization.pt2e import FakeQuantizeBase, disable_fake_quant, enable_fake_quant
from torchao.quantization.pt2e.quantize_pt2e import prepare_qat_pt2e

from workbench.quantize.pt2e.annotate import ScopedQuantizer
from workbench.recipe import Quantization


def fake_quantized(module: nn.Module, part: str, rules: Quantization, example: Tensor) -> GraphModule:
    """Returns a part as a graph that rounds where its program will, and that can be trained.

    Its parameters and buffers are those of the module, under the same names; what it rounds with is in more buffers.

    Args:
        module: The float part.
        part: Its name in the whole model.
        rules: The schemes of its layers; static ones.
        example: Rows of its input, (rows, ...), float32. The first ranges are those of these rows.
    """
    rows, example = torch.export.Dim("rows", min=2), torch.cat((example, example))  # one row would be a constant size
    graph = torch.export.export(module, (example,), dynamic_shapes=({0: rows},)).module(check_guards=False)
    prepared: GraphModule = prepare_qat_pt2e(graph, ScopedQuantizer(part, rules, trained=True))
    prepared.apply(disable_fake_quant)  # the first ranges are those that a calibration of the float part finds
    prepared(example)
    prepared.apply(enable_fake_quant)
    return prepared


def find_ranges(prepared: GraphModule, activations: bool, weights: bool) -> None:
    """Sets which ranges a call of the graph changes: those of its activations, and those of its weights."""
    for node in prepared.graph.nodes:
        module = prepared.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, FakeQuantizeBase):
            module.enable_observer(weights if node.args[0].op == "get_attr" else activations)
