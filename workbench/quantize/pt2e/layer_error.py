"""The quantization error of each layer of a part, and the bias correction that uses it.

The error is the signal-to-noise ratio of a layer's output over calibration frames. It is measured twice:

- isolated: the layer receives the inputs of the float network. A low ratio means that the layer itself causes error.
- cumulative: all layers before it are quantized too. If only this ratio is low, the error comes from other layers.

A tensor that is quantized between two layers counts as an input of the second layer, even if that layer is float.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node

from workbench.quantize.calibration import Inputs
from workbench.quantize.layers import WEIGHTED, graph_schemes, layer_of, layers_of, output_node
from workbench.quantize.results import LayerSnr

OnOutput = Callable[[str, Node, Tensor], Tensor]
"""Receives the name of a layer, its node and its output, and returns the output that the graph continues with."""


class _LayerInterpreter(Interpreter):
    """Runs the graph of a part, and passes the output of each layer through a function."""

    def __init__(self, graph: GraphModule, part: str, on_output: OnOutput) -> None:
        super().__init__(graph)
        self.part, self.on_output = part, on_output
        self.outputs = {output_node(node, part) for node in graph.graph.nodes if node.target in WEIGHTED}

    def run_node(self, n: Node) -> Any:
        output = super().run_node(n)
        return self.on_output(layer_of(n, self.part), n, output) if n in self.outputs else output


@torch.no_grad()
def layer_snr(module: nn.Module, converted: GraphModule, part: str, inputs: Inputs) -> list[LayerSnr]:
    """Returns the signal-to-noise ratio of each layer, in the order in which the layers run.

    The rows run one by one, as frames do on a device: the range of a dynamic layer depends on all rows of a call.

    Args:
        module: The float part.
        converted: The quantized part.
        part: Name of the part in the whole model.
        inputs: Rows of calibration audio.
    """
    cumulative: list[dict[str, Tensor]] = []
    isolated: list[dict[str, Tensor]] = []
    for row in zip(*(torch.split(tensor, 1) for tensor in inputs), strict=True):
        exact = _float_outputs(module, part, row)
        cumulative.append(_powers(converted, part, row, exact, isolate=False))
        isolated.append(_powers(converted, part, row, exact, isolate=True))
    return [
        _snr(layer, scheme, [powers[layer] for powers in cumulative], [powers[layer] for powers in isolated])
        for layer, scheme in graph_schemes(converted.graph, part).items()
    ]


@torch.no_grad()
def correct_biases(module: nn.Module, converted: GraphModule, part: str, inputs: Inputs) -> int:
    """Shifts the biases of the int8 layers by the mean error of each output channel, in the order of the layers.

    The method is Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019), section
    4.2, with errors measured on calibration audio.

    Args:
        module: The float part.
        converted: The quantized part; its biases are changed in place.
        part: Name of the part in the whole model.
        inputs: Rows of calibration audio.

    Returns:
        The number of corrected biases.
    """
    exact = _float_outputs(module, part, inputs)
    schemes = graph_schemes(converted.graph, part)
    corrected = 0

    def correct(layer: str, node: Node, output: Tensor) -> Tensor:
        nonlocal corrected
        bias = node.args[2] if len(node.args) > 2 else None
        if not isinstance(bias, Node) or schemes[layer] == "none":
            return output
        channel_axis = 1 if output.ndim == 4 else output.ndim - 1
        other_axes = [axis for axis in range(output.ndim) if axis != channel_axis]
        error = (exact[layer] - output).mean(other_axes)
        converted.get_parameter(str(bias.target)).data += error
        corrected += 1
        return output + (error[:, None, None] if output.ndim == 4 else error)

    _LayerInterpreter(converted, part, correct).run(*inputs)
    return corrected


def _float_outputs(module: nn.Module, part: str, inputs: Inputs) -> dict[str, Tensor]:
    """Returns the output of each layer of the float part."""
    found: dict[str, Tensor] = {}

    def keep(layer: str) -> Callable[..., None]:
        return lambda _, __, output: found.update({layer: output})

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in layers_of(module, part).items()]
    module(*inputs)
    for hook in hooks:
        hook.remove()
    return found


def _powers(
    converted: GraphModule, part: str, row: Inputs, exact: dict[str, Tensor], isolate: bool
) -> dict[str, Tensor]:
    """Runs one row and returns the signal power and the noise power of each layer, (2,).

    With `isolate`, the graph continues with the exact output of each layer.
    """
    found: dict[str, Tensor] = {}

    def measure(layer: str, _: Node, output: Tensor) -> Tensor:
        found[layer] = torch.stack((exact[layer].square().sum(), (output - exact[layer]).square().sum()))
        return exact[layer] if isolate else output

    _LayerInterpreter(converted, part, measure).run(*row)
    return found


def _snr(layer: str, scheme: str, cumulative: Sequence[Tensor], isolated: Sequence[Tensor]) -> LayerSnr:
    """Returns the ratios in decibels, from the signal power and the noise power of each row."""
    found, reasons = {}, {}
    for name, powers in (("through_db", cumulative), ("alone_db", isolated)):
        signal, noise = torch.stack(list(powers)).double().sum(0)
        ratio_db = float(10 * torch.log10(signal / noise))
        found[name] = ratio_db if math.isfinite(ratio_db) else None
        if found[name] is None:
            reasons[name] = "equal to float" if noise == 0 else "no signal" if signal == 0 else "not finite"
    return LayerSnr(layer=layer, scheme=scheme, **found, null_reasons=reasons)
