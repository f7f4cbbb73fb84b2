"""The forms in which the same sums can be had: which of them is fastest and smallest is the runtime's business."""

from dataclasses import dataclass

from workbench.model.fourier_conv import Prefilter
from workbench.model.frontend import TOLERANCE, Frontend
from workbench.model.toeplitz import Toeplitz


@dataclass(frozen=True)
class Implementations:
    """Of the front end, the wide convolutions and the last layer. `band` is of the Fourier form: the share of its
    frequencies that is kept, 0 < band <= 1; less than 1 is an approximation. `tolerance` is of the low-rank front end:
    how far a bin's kernel may be off, relative to its norm."""

    frontend: Frontend = "upstream"
    prefilter: Prefilter = "conv"
    toeplitz: Toeplitz = "linear"
    band: float = 1.0
    tolerance: float = TOLERANCE
