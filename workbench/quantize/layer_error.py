"""Where int8 makes its error: the layers of a quantized part against the same layers in float.

Two figures a layer, as signal to noise in decibels over calibration frames: `through` with all layers before it
quantized too, `alone` with what the float network hands it. What is small `alone` makes the error; what is small
`through` only passes it on. What is put into int8 between two layers counts as the second one's, float or not.
The same comparison corrects biases, after Nagel et al. (2019), section 4.2.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node

from workbench.quantize.calibration import Inputs
from workbench.quantize.layers import WEIGHTED, graph_schemes, layer_of, layers_of
from workbench.quantize.results import LayerGap

Seen = Callable[[str, Node, Tensor], Tensor]


class _Watched(Interpreter):
    """Runs a part's graph, shows what each layer puts out, and goes on with what it is given in return."""

    def __init__(self, graph: GraphModule, part: str, seen: Seen) -> None:
        super().__init__(graph)
        self.part, self.seen = part, seen

    def run_node(self, n: Node) -> Any:
        output = super().run_node(n)
        return self.seen(layer_of(n, self.part), n, output) if n.target in WEIGHTED else output


@torch.no_grad()
def layer_snr(module: nn.Module, converted: GraphModule, part: str, inputs: Inputs) -> list[LayerGap]:
    """Each layer's gap over the rows of `inputs`. Row by row, as a dynamic range is found anew for each row."""
    through: dict[str, list[Tensor]] = defaultdict(list)
    alone: dict[str, list[Tensor]] = defaultdict(list)
    for row in zip(*(torch.split(tensor, 1) for tensor in inputs), strict=True):
        exact = _outputs(module, part, row)
        powers = {name: output.square().sum() for name, output in exact.items()}

        def noise(found: dict[str, list[Tensor]], name: str, output: Tensor) -> None:
            found[name].append(torch.stack((powers[name], (output - exact[name]).square().sum())))  # noqa: B023

        def watched(name: str, _: Node, output: Tensor) -> Tensor:
            noise(through, name, output)
            return output

        def replaced(name: str, _: Node, output: Tensor) -> Tensor:
            noise(alone, name, output)
            return exact[name]  # noqa: B023

        _Watched(converted, part, watched).run(*row)
        _Watched(converted, part, replaced).run(*row)
    return [
        _gap(name, scheme, through[name], alone[name]) for name, scheme in graph_schemes(converted.graph, part).items()
    ]


@torch.no_grad()
def correct_biases(module: nn.Module, converted: GraphModule, part: str, inputs: Inputs) -> int:
    """Shift the biases of the int8 layers, in order, by the mean error of each output channel. Returns how many."""
    exact = _outputs(module, part, inputs)
    schemes = graph_schemes(converted.graph, part)
    corrected = 0

    def shifted(name: str, node: Node, output: Tensor) -> Tensor:
        nonlocal corrected
        bias = node.args[2] if len(node.args) > 2 else None
        if not isinstance(bias, Node) or schemes[name] == "none":
            return output
        channel = 1 if output.ndim == 4 else output.ndim - 1
        others = [axis for axis in range(output.ndim) if axis != channel]
        error = (exact[name] - output).mean(others)
        converted.get_parameter(str(bias.target)).data += error
        corrected += 1
        return output + (error[:, None, None] if output.ndim == 4 else error)

    _Watched(converted, part, shifted).run(*inputs)
    return corrected


def _outputs(module: nn.Module, part: str, inputs: Inputs) -> dict[str, Tensor]:
    """What each layer of the float part puts out."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda _, __, output: found.update({name: output})

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in layers_of(module, part).items()]
    module(*inputs)
    for hook in hooks:
        hook.remove()
    return found


def _gap(layer: str, scheme: str, through: list[Tensor], alone: list[Tensor]) -> LayerGap:
    """From (signal power, noise power) of each row."""
    found, reasons = {}, {}
    for name, pairs in (("through_db", through), ("alone_db", alone)):
        signal, noise = torch.stack(pairs).double().sum(0)
        ratio_db = float(10 * torch.log10(signal / noise))
        found[name] = ratio_db if math.isfinite(ratio_db) else None
        if found[name] is None:
            reasons[name] = "equal to float" if noise == 0 else "no signal" if signal == 0 else "not finite"
    return LayerGap(layer=layer, scheme=scheme, **found, null_reasons=reasons)
