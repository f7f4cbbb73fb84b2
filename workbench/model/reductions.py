"""Sum and mean over the last axis as matrix products.

XNNPACK runs a product with a constant column. It does not take `sum` and `mean`, which would stay outside the delegate.
"""

import torch
from torch import Tensor, nn


class SumAsMatmul(nn.Module):
    """Sum over the last axis.

    Shape:
        - Input: (rows, n), float32
        - Output: (rows, 1)
    """

    column: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        self.register_buffer("column", torch.ones(n, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.column


class MeanAsMatmul(SumAsMatmul):
    """Mean over the last axis; shapes as `SumAsMatmul`."""

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.column /= n
