"""How the range of an activation is found on calibration audio: the observers that a recipe can name."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import (
    FakeQuantize,
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    PerChannelMinMaxObserver,
    PlaceholderObserver,
)
from torchao.quantization.pt2e.observer import UniformQuantizationObserverBase
from torchao.quantization.pt2e.quantizer import QuantizationConfig, QuantizationSpec

from workbench.quantize.results import TensorRange
from workbench.recipe.options import DYNAMIC_SCHEMES, Observer, Scheme

_SMALLEST_SCALE = 2**-12  # as in XNNPACK's own symmetric configuration


class PercentileObserver(UniformQuantizationObserverBase):  # type: ignore[misc]
    """Finds the range of the values without a share of them at each end.

    In each batch the two ends are exact order statistics. The range has their means over all batches, weighted by the
    sizes of the batches.

    Args:
        clipped_share: Share of the values that is left out at each end.
        **kwargs: Arguments of every torchao observer.

    Attributes:
        observed: Smallest and largest value of all batches.
    """

    min_val: Tensor
    max_val: Tensor

    def __init__(self, clipped_share: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.clipped_share = clipped_share
        self.ends: list[Tensor] = []
        self.sizes: list[int] = []
        self.observed = (float("inf"), float("-inf"))
        self.register_buffer("min_val", torch.tensor(float("inf")))
        self.register_buffer("max_val", torch.tensor(float("-inf")))

    def forward(self, x: Tensor) -> Tensor:
        values = x.detach().flatten()
        rank = 1 + int(self.clipped_share * values.numel())
        low, high = values.kthvalue(rank).values, values.kthvalue(values.numel() + 1 - rank).values
        self.ends.append(torch.stack((low, high)))
        self.sizes.append(values.numel())
        self.observed = (min(self.observed[0], float(values.min())), max(self.observed[1], float(values.max())))
        share = torch.tensor(self.sizes, dtype=torch.float64) / sum(self.sizes)
        self.min_val, self.max_val = (share[:, None] * torch.stack(self.ends)).sum(0).float()
        return x

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        scale, zero_point = self._calculate_qparams(self.min_val, self.max_val)
        return scale, zero_point


def scheme_config(scheme: Scheme, observer: Observer, clipped_share: float) -> QuantizationConfig:
    """Returns the types and ranges of a scheme other than "none"; see `static_config` for the other two arguments."""
    if scheme in DYNAMIC_SCHEMES:
        return dynamic_config()
    return static_config(observer, clipped_share, per_channel=scheme == "int8-static")


def static_config(observer: Observer, clipped_share: float, per_channel: bool) -> QuantizationConfig:
    """Returns int8 activations with a range fixed at calibration, and int8 weights.

    Args:
        observer: How the range is found.
        clipped_share: Share of the values that is left out at each end; only for "percentile".
        per_channel: One scale per output channel of a weight instead of one scale per weight.
    """
    kinds: dict[Observer, Callable[..., Any]] = {
        "min-max": MinMaxObserver.with_args(eps=_SMALLEST_SCALE),
        "moving-average": MovingAverageMinMaxObserver.with_args(eps=_SMALLEST_SCALE),
        "histogram": HistogramObserver.with_args(eps=_SMALLEST_SCALE),
        "percentile": PercentileObserver.with_args(clipped_share=clipped_share, eps=_SMALLEST_SCALE),
    }
    activation = QuantizationSpec(torch.int8, kinds[observer], -128, 127, torch.per_tensor_affine)
    return QuantizationConfig(activation, activation, _weight(per_channel), None, False)


def dynamic_config() -> QuantizationConfig:
    """Returns int8 activations with a range that each call computes, and int8 weights with per-channel scales."""
    observer = PlaceholderObserver.with_args(eps=_SMALLEST_SCALE)
    activation = QuantizationSpec(torch.int8, observer, -128, 127, torch.per_tensor_affine, is_dynamic=True)
    return QuantizationConfig(activation, None, _weight(per_channel=True), None, False)


def training_config(per_channel: bool) -> QuantizationConfig:
    """Returns what `static_config` returns, for a network that is trained: each tensor is rounded and stays float.

    The range of an activation is a moving average. The range of a weight is that of the weight as it is, because the
    program stores it with that range. The configuration that XNNPACK has for training is another one: the scale of its
    weights is not that of the program (`FusedMovingAvgObsFakeQuantize` divides a lowest value by 128, not by 127).
    """
    average = FakeQuantize.with_args(observer=MovingAverageMinMaxObserver, eps=_SMALLEST_SCALE)
    activation = QuantizationSpec(torch.int8, average, -128, 127, torch.per_tensor_affine)
    kind = MovingAveragePerChannelMinMaxObserver if per_channel else MovingAverageMinMaxObserver
    latest = FakeQuantize.with_args(observer=kind, averaging_constant=1.0, eps=_SMALLEST_SCALE)
    qscheme = torch.per_channel_symmetric if per_channel else torch.per_tensor_symmetric
    weight = QuantizationSpec(torch.int8, latest, -127, 127, qscheme, ch_axis=0 if per_channel else None)
    return QuantizationConfig(activation, activation, weight, None, True)


def _weight(per_channel: bool) -> QuantizationSpec:
    if per_channel:
        observer = PerChannelMinMaxObserver.with_args(eps=_SMALLEST_SCALE)
        return QuantizationSpec(torch.int8, observer, -127, 127, torch.per_channel_symmetric, ch_axis=0)
    observer = MinMaxObserver.with_args(eps=_SMALLEST_SCALE)
    return QuantizationSpec(torch.int8, observer, -127, 127, torch.per_tensor_symmetric)


def activation_ranges(prepared: GraphModule, layer_of: Callable[[Node], str]) -> list[TensorRange]:
    """Returns every tensor with a fixed range.

    Args:
        prepared: A graph after calibration, with its observers.
        layer_of: Node -> name of its layer.
    """
    found = []
    modules = dict(prepared.named_modules())
    for node in prepared.graph.nodes:
        observer = modules.get(str(node.target)) if node.op == "call_module" else None
        if observer is None or isinstance(observer, PlaceholderObserver) or not hasattr(observer, "calculate_qparams"):
            continue
        source = node.args[0]
        weight = source.op == "get_attr"
        owner = next(iter(node.users), node) if weight else source
        scale, zero_point = observer.calculate_qparams()
        low, high = float(observer.min_val.min()), float(observer.max_val.max())
        observed_low, observed_high = getattr(observer, "observed", (low, high))
        found.append(
            TensorRange(
                layer=layer_of(owner),
                tensor="weight" if weight else source.name,
                scales=scale.numel(),
                scale=float(scale.max()),
                zero_point=int(zero_point.flatten()[0]),
                low=low,
                high=high,
                observed_low=observed_low,
                observed_high=observed_high,
            )
        )
    return found
