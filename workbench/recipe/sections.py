"""The sections of a recipe: how to lower and quantize, on which clips, and how to score and time.

Everything is frozen and strict (no text that happens to look like a number), and what does not exist yet is refused.
"""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from workbench.errors import did_you_mean, quote_value
from workbench.recipe.known_names import KnownNames, clip_matches, has_wildcard
from workbench.recipe.messages import FIXED, RANGE, fail_validation
from workbench.recipe.options import Backend, Observer, Prefilter, Scheme, Scope, Toeplitz


class RecipeSection(BaseModel):
    """The base of every part of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _known_pattern(pattern: str, info: ValidationInfo) -> str:
    vocabulary: KnownNames | None = info.context
    if vocabulary is None or pattern in vocabulary.clips:
        return pattern
    folder, _, last = pattern.rpartition("/")
    if not has_wildcard(pattern):
        if pattern.rstrip("/") in vocabulary.clip_folders:
            fail_validation(f"{quote_value(pattern)} is a folder (did you mean '{pattern.rstrip('/')}/*'?)")
        fail_validation(f"there is no clip {quote_value(pattern)}" + did_you_mean(pattern, vocabulary.clips))
    if not any(clip_matches(folder, known) for known in vocabulary.clip_folders):
        near = did_you_mean(pattern, [f"{known}/{last}" for known in vocabulary.clip_folders])
        fail_validation(f"there is no folder {quote_value(folder)} for {quote_value(pattern)}{near}")
    return pattern


ClipPatterns = tuple[Annotated[str, AfterValidator(_known_pattern)], ...]


class FramesRange(RecipeSection):
    """Calls of several sizes, in any order."""

    min: int = Field(ge=1, le=256, description="Frames of the smallest call.")
    max: int = Field(ge=1, le=256, description="Frames of the largest call.")

    @field_validator("max")
    @classmethod
    def _at_least_min(cls, largest: int, info: ValidationInfo) -> int:
        smallest = info.data.get("min")  # absent when it is wrong itself
        if smallest is not None and largest < smallest:
            fail_validation(f"wants at least min ({smallest}), got {largest}")
        return largest


FramesPerChunk = Annotated[
    Annotated[int, Field(ge=1), Tag(FIXED)] | Annotated[FramesRange, Tag(RANGE)],
    Discriminator(lambda value: RANGE if isinstance(value, dict | FramesRange) else FIXED),
]


class Lowering(RecipeSection):
    """How the model becomes a program."""

    backend: Backend = Field(
        "xnnpack",
        description="What runs the program: XNNPACK, ExecuTorch's portable reference kernels, or another of its "
        "backends; ONNX Runtime (extra onnx); or torch, which runs upstream's own TorchScript. What this "
        "machine cannot run is lowered and not scored.",
    )
    scope: Scope = Field(
        "whole",
        description="What is in the program: all, or the network alone; its host then has window and front end, in a "
        "file beside it.",
    )
    toeplitz: Toeplitz = Field(
        "linear",
        description="Form of the last layer, all equal: a Linear (1 MB), upstream's convolution (slow), or a "
        "convolution over blocks (small and fast).",
    )
    prefilter: Prefilter = Field(
        "conv",
        description="Form of the two wide convolutions, both equal: as they are, or frequency by frequency, which is "
        "two to six times faster in XNNPACK, and larger.",
    )
    prefilter_band: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Of prefilter fourier: the share of its frequencies that is kept, the lowest. Less than 1 is an "
        "approximation, smaller and faster.",
    )

    @model_validator(mode="after")
    def _band_needs_frequencies(self) -> Self:
        if self.prefilter_band < 1 and self.prefilter != "fourier":
            fail_validation(
                f"prefilter_band wants prefilter: fourier, got {self.prefilter}; ask for that, or set the band to 1"
            )
        return self


_UNAVAILABLE = {
    "int8-weights": "XNNPACK leaves the dequantize outside, and the runtime has no kernel for it",
    "fp16": "XNNPACK runs it slower than float32 here, and the front end overflows to NaN",
    "int4": "XNNPACK's 4 bits need Linears whose width divides by 32; those that the prefilters can be are slower so",
}


_NOT_AVAILABLE = "; ".join(f"{scheme} ({why})" for scheme, why in _UNAVAILABLE.items())


def _available(scheme: object) -> object:
    if isinstance(scheme, str) and scheme in _UNAVAILABLE:
        fail_validation(f"{scheme} is not available: {_UNAVAILABLE[scheme]}")
    return scheme


class Quantization(RecipeSection):
    """Which layers become int8, and how their ranges are found. `quantization: none` names no part."""

    everywhere: bool = Field(False, description="Quantize the whole graph at once, as a first attempt would.")
    parts: dict[str, Annotated[Scheme, BeforeValidator(_available)]] = Field(
        {},
        description="Part of the model (encoder, encoder.prefilter.1, frontend.*) -> scheme; the more specific wins. "
        f"Rules are merged with those of extends. Not available: {_NOT_AVAILABLE}.",
    )
    observer: Observer = Field("min-max", description="How the range of an activation is found on calibration audio.")
    outside: float = Field(
        1e-4, ge=0, lt=0.5, description="Of percentile: share of the values of a batch beyond each end."
    )
    seconds_per_clip: float = Field(3600, ge=0.1, le=3600, description="Of each calibration clip, how much is heard.")
    seed: int = Field(
        0, ge=0, lt=2**31, description="Draws where excerpts begin, and the halves of the clips that tell stability."
    )
    equalize: bool = Field(False, description="Rescale the encoder's channels first, so that one scale fits them all.")
    correct_bias: bool = Field(False, description="Shift the biases of int8 layers by the mean error of each channel.")
    leaky_relu: Literal["int8", "float"] = Field("int8", description="Leaky ReLU after a static int8 layer.")
    residual_add: Literal["float", "int8"] = Field("float", description="Residual adds between static int8 layers.")

    @model_validator(mode="after")
    def _everywhere_has_settings_of_its_own(self) -> Self:
        names = ("observer", "outside", "equalize", "correct_bias", "leaky_relu", "residual_add")
        given = [name for name in names if getattr(self, name) != type(self).model_fields[name].default]
        if self.everywhere and given:
            fail_validation(f"everywhere takes the quantizer's own settings, and so no {', '.join(given)}")
        return self

    @field_validator("parts")
    @classmethod
    def _either(cls, parts: dict[str, Scheme], info: ValidationInfo) -> dict[str, Scheme]:
        if parts and info.data.get("everywhere"):
            fail_validation("everywhere quantizes the whole graph, and so takes no parts")
        return parts


class Audio(RecipeSection):
    """Which clips calibrate and which score; no clip does both."""

    calibrate: ClipPatterns = Field(
        ("synthetic/calibrate/*", "sung/calibrate/*"),
        strict=False,
        description="Clips that thresholds and quantizers are fitted on: names without extension, * and ? allowed.",
    )
    score: ClipPatterns = Field(
        ("synthetic/score/*", "sung/*"),
        strict=False,
        json_schema_extra={"minItems": 1},
        description="Clips that the program is scored on: names without extension, * and ? allowed.",
    )

    @field_validator("score")
    @classmethod
    def _something_to_score(cls, patterns: ClipPatterns) -> ClipPatterns:
        if not patterns:
            fail_validation("wants at least one clip, got an empty list")
        return patterns

    @model_validator(mode="after")
    def _disjoint(self, info: ValidationInfo) -> Self:
        vocabulary: KnownNames | None = info.context
        clips = vocabulary.clips if vocabulary else ()
        both = [
            clip for clip in clips if all(any(clip_matches(p, clip) for p in ps) for ps in (self.calibrate, self.score))
        ]
        if both:
            more = f" and {len(both) - 5} more" if len(both) > 5 else ""
            fail_validation(
                f"calibrate and score share {', '.join(map(repr, both[:5]))}{more}; a clip can do only one of them"
            )
        return self


class Scoring(RecipeSection):
    """What counts in a score."""

    voiced_confidence: float = Field(
        0.5, ge=0, le=1, description="Baseline confidence from which a frame is voiced, where the f0 is not known."
    )
    min_voiced_frames: int = Field(
        100, ge=1, le=10_000_000, description="Voiced frames below which pitch deviations are inconclusive."
    )


class Postprocess(RecipeSection):
    """What is done to the estimates where they are shown. No score knows of it."""

    confidence_threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Confidence below which `track` calls a frame unvoiced (0 Hz) and pictures draw no pitch. Never in "
        "scores. The program tells it.",
    )


class Speed(RecipeSection):
    """How baseline and variant are timed, in alternating rounds."""

    threads: int = Field(1, ge=1, le=1024, description="Threads of baseline and variant alike.")
    rounds: int = Field(20, ge=3, le=10_000, description="Alternating rounds; their spread carries the uncertainty.")
    chunks_per_round: int = Field(25, ge=1, le=1_000_000, description="Chunks timed for each side in a round.")
    warmup_chunks: int = Field(
        20, ge=1, le=1_000_000, description="Untimed chunks of each side before the first round."
    )
