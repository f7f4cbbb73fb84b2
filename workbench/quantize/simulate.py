"""What a quantized part computes, in float arithmetic: in seconds and without an export, for many rules in a row.

Weights are rounded to the integers that the program stores. The input of a dynamic layer is rounded with a range for
each row, as XNNPACK does it: the last axis of a Linear, the whole frame of a convolution. The input and the output of a
static layer are rounded with the range that the recipe's observer finds. Not simulated: `equalize`, `correct_bias`, and
int8 between the layers of a static scheme (`leaky_relu`, `residual_add`).
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchao.quantization.pt2e.quantizer import QuantizationSpec

from workbench.quantize.calibration import BATCH, Inputs
from workbench.quantize.layers import layers_of
from workbench.quantize.pt2e.observers import scheme_config
from workbench.quantize.weights import split_weights, store_weights
from workbench.recipe import Quantization
from workbench.recipe.options import DYNAMIC_SCHEMES, WEIGHT_SCHEMES, Scheme
from workbench.recipe.patterns import rule_for

_LOW, _HIGH = -128, 127
_SCALE_BYTES = 4

Round = Callable[[Tensor], Tensor]


@torch.no_grad()
def simulate_part(module: nn.Module, part: str, rules: Quantization, inputs: Inputs) -> nn.Module:
    """Returns a copy of a part that computes nearly what its quantized version computes.

    Args:
        module: The float part, which is not changed.
        part: Its name in the whole model.
        rules: The schemes of the layers, and how ranges are found.
        inputs: Calibration rows of the part, (rows, ...) each; their content matters only to static schemes.
    """
    simulated = copy.deepcopy(module)
    schemes = {name: rule_for(rules.parts, name) for name in layers_of(module, part)}
    chosen = {name: scheme for name, scheme in schemes.items() if scheme not in (None, "none")}
    static = [name for name, scheme in chosen.items() if scheme not in (*DYNAMIC_SCHEMES, *WEIGHT_SCHEMES)]
    ranges = _observe(module, part, {name: chosen[name] for name in static}, rules, inputs) if static else {}
    store_weights(simulated, part, rules)
    for name, layer in layers_of(simulated, part).items():
        scheme = chosen.get(name)
        if scheme is None:
            continue
        weight = layer.get_parameter("weight")
        layer.weight = nn.Parameter(_rounded_weight(weight, scheme, rules), requires_grad=False)
        if scheme in DYNAMIC_SCHEMES:
            axes = tuple(range(1, weight.ndim)) if isinstance(layer, nn.Conv1d | nn.Conv2d) else (-1,)
            _round_input(layer, lambda x, axes=axes: _round_rows(x, axes))  # type: ignore[misc]
        elif name in ranges:
            before, after = ranges[name]
            _round_input(layer, before)
            layer.register_forward_hook(lambda _, __, output, after=after: after(output))
    return simulated


def stored_bytes(weight: Tensor, scheme: Scheme) -> int:
    """Returns the bytes of a layer's weights and their scales in a program, without the nodes that read them."""
    if scheme == "none":
        return weight.numel() * weight.element_size()
    if scheme in WEIGHT_SCHEMES:
        return sum(level.stored_bytes for level in split_weights([weight], scheme)[0])
    return weight.numel() + _SCALE_BYTES * (1 if scheme.endswith("per-tensor") else len(weight))


def _round_input(layer: nn.Module, rounded: Round) -> None:
    layer.register_forward_pre_hook(lambda _, inputs: (rounded(inputs[0]),))


def _rounded_weight(weight: Tensor, scheme: Scheme, rules: Quantization) -> Tensor:
    spec = scheme_config(scheme, rules.observer, rules.outside).weight
    observer = _observer(spec)
    observer(weight)
    return _round_with(observer, spec)(weight)


def _observe(
    module: nn.Module, part: str, schemes: Mapping[str, Scheme], rules: Quantization, inputs: Inputs
) -> dict[str, tuple[Round, Round]]:
    """Returns how the input and the output of each static layer are rounded, from a run of the float part."""
    observers: dict[str, tuple[Any, Any]] = {}
    hooks = []
    layers = layers_of(module, part)
    for name, scheme in schemes.items():
        config = scheme_config(scheme, rules.observer, rules.outside)
        observers[name] = _observer(config.input_activation), _observer(config.output_activation)

        def observe(_: nn.Module, args: tuple[Tensor, ...], output: Tensor, name: str = name) -> None:
            before, after = observers[name]
            before(args[0])
            after(output)

        hooks.append(layers[name].register_forward_hook(observe))
    try:
        for batch in zip(*(torch.split(tensor, BATCH) for tensor in inputs), strict=True):
            module(*batch)
    finally:
        for hook in hooks:
            hook.remove()
    found = {}
    for name, scheme in schemes.items():
        config = scheme_config(scheme, rules.observer, rules.outside)
        before, after = observers[name]
        found[name] = _round_with(before, config.input_activation), _round_with(after, config.output_activation)
    return found


def _observer(spec: QuantizationSpec) -> Any:
    """Returns the observer of a tensor, as PT2E creates it."""
    keys = {"dtype": spec.dtype, "quant_min": spec.quant_min, "quant_max": spec.quant_max, "qscheme": spec.qscheme}
    if spec.ch_axis is not None:
        keys["ch_axis"] = spec.ch_axis
    return spec.observer_or_fake_quant_ctr.with_args(**keys)()


def _round_with(observer: Any, spec: QuantizationSpec) -> Round:
    scale, zero_point = observer.calculate_qparams()
    if spec.ch_axis is not None:
        zero_points = zero_point.to(torch.int32)
        return lambda x: torch.fake_quantize_per_channel_affine(
            x, scale, zero_points, spec.ch_axis, spec.quant_min, spec.quant_max
        )
    step, zero = float(scale), int(zero_point)
    return lambda x: torch.fake_quantize_per_tensor_affine(x, step, zero, spec.quant_min, spec.quant_max)


def _round_rows(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Rounds to int8 with a range for each row that contains 0; the rows run over `axes`."""
    low = x.amin(axes, keepdim=True).clamp(max=0)
    scale = ((x.amax(axes, keepdim=True).clamp(min=0) - low) / (_HIGH - _LOW)).clamp(min=torch.finfo(x.dtype).eps)
    zero_point = (_LOW - low / scale).round()
    return ((x / scale).round() + zero_point).clamp(_LOW, _HIGH).sub(zero_point) * scale
