"""Sums over the last axis as products with a constant column: XNNPACK runs those, and leaves plain sums outside."""

import torch
from torch import Tensor, nn


class SumAsMatmul(nn.Module):
    """(rows, n) float32 -> (rows, 1): the sum."""

    column: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        self.register_buffer("column", torch.ones(n, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.column


class MeanAsMatmul(SumAsMatmul):
    """(rows, n) float32 -> (rows, 1): the mean."""

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.column /= n
