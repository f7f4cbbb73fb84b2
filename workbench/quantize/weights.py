"""Weights stored as integers, while the activations stay float: no calibration, and no range that audio can exceed.

XNNPACK multiplies float inputs by such weights (its kernels f32-qc8w and f32-qc4w) if a Linear without bias reads them
through `dequantize_per_channel`. So these Linears are replaced by a module that computes exactly this. PT2E is not
used: it cannot split a weight into two levels, it leaves the bias in the Linear, and there is nothing to observe.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
import torchao.quantization.pt2e.quantize_pt2e  # noqa: F401  registers quantized_decomposed
from torch import Tensor, nn

from workbench.errors import LoweringError
from workbench.quantize.layers import QUANT_RANGES, layers_of
from workbench.quantize.results import StoredWeights
from workbench.recipe import Quantization
from workbench.recipe.options import WEIGHT_SCHEMES, Scheme
from workbench.recipe.patterns import rule_for

# The bytes of a product in a .pte beside its weights: its node, its tensors, and the keys of its constants. Measured
# with ExecuTorch 1.5.1, as the difference between programs of 4 and 12 Linears.
_FLOAT_PRODUCT_BYTES, _INTEGER_PRODUCT_BYTES, _ADD_BYTES = 370, 680, 110


@dataclass(frozen=True)
class Level:
    """Rows of integers, (rows, columns) int8, and the scale of each row, (rows,) float32."""

    integers: Tensor
    scales: Tensor
    bits: int

    @property
    def values(self) -> Tensor:
        """The weights that the integers stand for, (rows, columns) float64."""
        return self.integers.double() * self.scales.double()[:, None]

    @property
    def stored_bytes(self) -> int:
        rows, columns = self.integers.shape
        return rows * ((columns * self.bits + 7) // 8) + rows * self.scales.element_size()


def split_weights(weights: Sequence[Tensor], scheme: Scheme) -> list[list[Level]]:
    """Returns the levels of each weight, whose sum approximates it.

    Integers are symmetric around zero. Each row has one scale, which all of the weights share. Each level rounds the
    remainder of the levels before it.

    Args:
        weights: (rows, columns) each, float32.
        scheme: One of WEIGHT_SCHEMES.
    """
    remainder = torch.stack([weight.double() for weight in weights])
    levels: list[list[Level]] = [[] for _ in weights]
    for bits in WEIGHT_SCHEMES[scheme]:
        scales = _scales(remainder, bits)
        for found, matrix in zip(levels, remainder, strict=True):
            found.append(Level(_rounded(matrix, scales, bits).to(torch.int8), scales, bits))
        remainder = remainder - torch.stack([found[-1].values for found in levels])
    return levels


def _scales(weights: Tensor, bits: int) -> Tensor:
    """Returns the scale of each row of (layers, rows, columns), (rows,) float32.

    With 8 bits the largest weight has the largest integer. With 4 bits it is better to clip a few: of 40 scales, the
    one with the least squared error is taken.
    """
    scales: Tensor = (weights.abs().amax((0, 2)) / (2 ** (bits - 1) - 1)).float()
    scales[scales == 0] = 1.0  # XNNPACK refuses a scale of 0
    if bits == 8:
        return scales
    candidates = torch.linspace(0.4, 1.05, 40)[:, None] * scales
    rounded = [_rounded(weights, row, bits) * row.double()[:, None] for row in candidates]
    best = torch.stack([(values - weights).square().sum((0, 2)) for values in rounded]).argmin(0, keepdim=True)
    return candidates.gather(0, best).flatten()


def _rounded(weights: Tensor, scales: Tensor, bits: int) -> Tensor:
    """Returns the integers that stand for (..., rows, columns), as float64."""
    rounded: Tensor = (weights / scales.double()[:, None]).round().clamp(*QUANT_RANGES[bits])
    return rounded


class IntegerWeightLinear(nn.Module):
    """A Linear whose weights are integers: the sum of one product per level, and the bias.

    Shape:
        - Input: (..., columns), float32
        - Output: (..., rows)
    """

    def __init__(self, levels: list[Level], bias: Tensor | None) -> None:
        super().__init__()
        self.bits = tuple(level.bits for level in levels)
        for index, level in enumerate(levels):
            self.register_buffer(f"integers_{index}", level.integers)
            self.register_buffer(f"scales_{index}", level.scales)
            self.register_buffer(f"zero_points_{index}", torch.zeros(len(level.scales), dtype=torch.int64))
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        output = self._product(x, 0)
        for index in range(1, len(self.bits)):
            output = output + self._product(x, index)
        return output if self.bias is None else output + self.bias

    def _product(self, x: Tensor, index: int) -> Tensor:
        stored = (self.get_buffer(f"{name}_{index}") for name in ("integers", "scales", "zero_points"))
        low, high = QUANT_RANGES[self.bits[index]]
        weight = torch.ops.quantized_decomposed.dequantize_per_channel(*stored, 0, low, high, torch.int8)
        return F.linear(x, weight)


def store_weights(module: nn.Module, part: str, rules: Quantization) -> list[StoredWeights]:
    """Replaces the Linears of a part whose rule is one of WEIGHT_SCHEMES, in place.

    Args:
        module: The float part.
        part: Its name in the whole model.
        rules: The schemes of the layers.

    Raises:
        LoweringError: A rule names a convolution.
    """
    groups: dict[tuple[str, Scheme], dict[str, nn.Linear]] = {}
    for name, layer in layers_of(module, part).items():
        scheme = rule_for(rules.parts, name)
        if scheme is None or scheme not in WEIGHT_SCHEMES:
            continue
        if not isinstance(layer, nn.Linear):
            raise LoweringError(f"{name} in {scheme}: is a convolution, only Linears can; set {name}: none")
        groups.setdefault((_scale_group(name), scheme), {})[name] = layer
    found = []
    for (_, scheme), linears in groups.items():
        split = split_weights([linear.weight for linear in linears.values()], scheme)
        for (name, linear), levels in zip(linears.items(), split, strict=True):
            module.set_submodule(name.removeprefix(f"{part}."), IntegerWeightLinear(levels, linear.bias))
            found.append(_describe(name, scheme, linear.weight, levels))
    return found


def _scale_group(layer: str) -> str:
    """Returns the name of the layers that share their scales: the frequencies of a prefilter, or the layer itself.

    A file stores equal constants of XNNPACK once.
    """
    parent = layer.rpartition(".")[0]
    return parent if parent.endswith(".frequency") else layer


def _describe(layer: str, scheme: Scheme, weight: Tensor, levels: list[Level]) -> StoredWeights:
    weights = weight.double()
    difference = weights - sum(level.values for level in levels)
    stored_bytes, float_bytes = sum(level.stored_bytes for level in levels), weight.numel() * weight.element_size()
    overhead = _INTEGER_PRODUCT_BYTES * len(levels) + _ADD_BYTES * (len(levels) - 1) - _FLOAT_PRODUCT_BYTES
    return StoredWeights(
        layer=layer,
        scheme=scheme,
        bytes=stored_bytes,
        float_bytes=float_bytes,
        saved_bytes=float_bytes - stored_bytes - overhead,
        error_relative=float(difference.norm() / weights.norm()),
    )
