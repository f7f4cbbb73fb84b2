"""The section `lowering` of a recipe: how the model becomes a program."""

from typing import Self

from pydantic import Field, model_validator

from workbench.recipe.messages import fail_validation
from workbench.recipe.options import (
    DEFAULT_SEGMENT_ALIGNMENT,
    DEFAULT_TOEPLITZ_BLOCK,
    Backend,
    InitialState,
    Prefilter,
    Scope,
    SegmentAlignment,
    Toeplitz,
    ToeplitzBlock,
)
from workbench.recipe.sections import RecipeSection


class Lowering(RecipeSection):
    """How the model becomes a program."""

    backend: Backend = Field(
        "xnnpack",
        description="What runs the program: XNNPACK, ExecuTorch's portable reference kernels or another of its "
        "backends; ONNX Runtime (extra onnx); or torch, for upstream's own TorchScript. A program that cannot run on "
        "this machine is built and not scored.",
    )
    scope: Scope = Field(
        "whole",
        description="What the program contains: everything, or only the network; the host then computes the window and "
        "the front end from a file beside the program.",
    )
    toeplitz: Toeplitz = Field(
        "linear",
        description="Implementation of the last layer, all equivalent: a Linear (1 MB), upstream's convolution (slow), "
        "or a convolution over blocks (small and fast).",
    )
    toeplitz_block: ToeplitzBlock = Field(
        DEFAULT_TOEPLITZ_BLOCK,
        description="For toeplitz: block, the outputs in a block. Smaller blocks have fewer weights: 17, 34 or 68 kB "
        "for 4, 8 or 16.",
    )
    prefilter: Prefilter = Field(
        "conv",
        description="Implementation of the two wide convolutions, all equivalent: direct; in the frequency domain "
        "(fourier), which is two to six times faster in XNNPACK, and larger; the same with fewer operators "
        "(fourier-shifted); with fewer operators and half of the weights (fourier-halved); or with one grouped "
        "convolution for all frequencies (fourier-grouped), which has the fewest operators.",
    )
    prefilter_band: float = Field(
        1.0,
        gt=0,
        le=1,
        description="For all but prefilter: conv, the share of frequencies to keep, from the lowest. Less than 1 is "
        "an approximation, smaller and faster.",
    )

    initial_state: InitialState = Field(
        "each-method",
        description="For state: internal, where the program stores the zeros of its state: with both methods, or "
        "once: with forward, whose state the method reset shares.",
    )
    segment_alignment: SegmentAlignment = Field(
        DEFAULT_SEGMENT_ALIGNMENT,
        description="Only ExecuTorch. The weights of each layer start at a multiple of this many bytes of the file. 16 "
        "leaves about 50 bytes less between two layers than 128.",
    )

    @model_validator(mode="after")
    def _block_only_for_blocks(self) -> Self:
        if self.toeplitz_block != DEFAULT_TOEPLITZ_BLOCK and self.toeplitz != "block":
            fail_validation(f"toeplitz_block requires toeplitz: block, got {self.toeplitz}; change one of them")
        return self

    @model_validator(mode="after")
    def _band_only_for_fourier(self) -> Self:
        if self.prefilter_band < 1 and self.prefilter == "conv":
            fail_validation(f"prefilter_band requires prefilter: fourier, got {self.prefilter}; change one of them")
        return self
