"""The sections of a recipe but `lowering`: how to quantize, which clips to use, and how to score and time.

Sections are frozen and strict: text that looks like a number is not a number, and an unknown key is an error.
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
    WithJsonSchema,
    field_validator,
    model_validator,
)

from workbench.errors import did_you_mean, quote_value
from workbench.recipe.messages import FIXED, RANGE, fail_validation
from workbench.recipe.options import WEIGHT_SCHEMES, Channel, Observer, Scheme, parse_channel
from workbench.recipe.patterns import (
    ROLES,
    KnownNames,
    Role,
    clip_matches,
    clip_pattern,
    corpus_of,
    has_wildcard,
    role_of_singer,
    unknown_corpus_reason,
)


class RecipeSection(BaseModel):
    """The base of every part of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def dotted_keys(cls, prefix: str = "") -> list[str]:
        """Returns the dotted keys that have a value ("mirror", "lowering.backend"), in the order of the schema."""
        keys: list[str] = []
        for name, field in cls.model_fields.items():
            section = field.annotation
            if isinstance(section, type) and issubclass(section, RecipeSection):
                keys += section.dotted_keys(f"{prefix}{name}.")
            else:
                keys.append(prefix + name)
        return keys


def _known_pattern(pattern: str, info: ValidationInfo) -> str:
    known_names: KnownNames | None = info.context
    if known_names is None or pattern in known_names.clips:
        return pattern
    if corpus_of(pattern):
        reason = unknown_corpus_reason(pattern, "calibrate" if info.field_name == "calibrate" else "score", known_names)
        if reason:
            fail_validation(reason)
        return pattern
    folder, _, last = pattern.rpartition("/")
    if not has_wildcard(pattern):
        if pattern.rstrip("/") in known_names.clip_folders:
            fail_validation(f"{quote_value(pattern)} is a folder (did you mean '{pattern.rstrip('/')}/*'?)")
        fail_validation(f"there is no clip {quote_value(pattern)}" + did_you_mean(pattern, known_names.clips))
    if not any(clip_matches(folder, known) for known in known_names.clip_folders):
        similar = did_you_mean(pattern, [f"{known}/{last}" for known in known_names.clip_folders])
        fail_validation(f"there is no folder {quote_value(folder)} for {quote_value(pattern)}{similar}")
    return pattern


def _known_channel(text: str) -> Channel:
    try:
        return parse_channel(text)
    except ValueError as error:
        fail_validation(str(error))


ClipPatterns = tuple[Annotated[str, AfterValidator(_known_pattern)], ...]


class FramesRange(RecipeSection):
    """Calls of several sizes, in any order."""

    min: int = Field(ge=1, le=256, description="Frames of the smallest call.")
    max: int = Field(ge=1, le=256, description="Frames of the largest call.")

    @field_validator("max")
    @classmethod
    def _at_least_min(cls, largest: int, info: ValidationInfo) -> int:
        smallest = info.data.get("min")  # missing if it is invalid itself
        if smallest is not None and largest < smallest:
            fail_validation(f"expected at least min ({smallest}), got {largest}")
        return largest


FramesPerChunk = Annotated[
    Annotated[int, Field(ge=1), Tag(FIXED)] | Annotated[FramesRange, Tag(RANGE)],
    Discriminator(lambda value: RANGE if isinstance(value, dict | FramesRange) else FIXED),
]


_UNAVAILABLE = {
    "fp16": "in XNNPACK it is slower than float32, and the front end overflows to NaN",
    "int4": "its Linears need int8 inputs and a width divisible by 32; use int4-weights",
}
_NOT_AVAILABLE = "; ".join(f"{scheme} ({reason})" for scheme, reason in _UNAVAILABLE.items())


def _available(scheme: object) -> object:
    if isinstance(scheme, str) and scheme in _UNAVAILABLE:
        fail_validation(f"{scheme} is not available: {_UNAVAILABLE[scheme]}")
    return scheme


class Quantization(RecipeSection):
    """Which layers become int8, and how their ranges are found. `quantization: none` names no part."""

    everywhere: bool = Field(False, description="Quantize the whole graph at once, as a first attempt would.")
    parts: dict[str, Annotated[Scheme, BeforeValidator(_available)]] = Field(
        {},
        description="Part of the model (encoder, encoder.prefilter.1, frontend.*, encoder.prefilter.*.frequency.>=8) "
        "-> scheme; the most specific pattern applies. Merged with the parts of extends. Not available: "
        f"{_NOT_AVAILABLE}.",
    )
    observer: Observer = Field("min-max", description="How the range of an activation is found on calibration audio.")
    outside: float = Field(
        1e-4, ge=0, lt=0.5, description="For observer: percentile, the share of a batch's values beyond each end."
    )
    seconds_per_clip: float = Field(3600, ge=0.1, le=3600, description="Audio to use of each calibration clip.")
    seed: int = Field(
        0, ge=0, lt=2**31, description="Seed of where excerpts start, and of the halves that measure stability."
    )
    equalize: bool = Field(False, description="Rescale the encoder's channels first, so that one scale fits them all.")
    correct_bias: bool = Field(False, description="Shift the biases of int8 layers by the mean error of each channel.")
    leaky_relu: Literal["int8", "float"] = Field("int8", description="Leaky ReLU after a static int8 layer.")
    residual_add: Literal["float", "int8"] = Field("float", description="Residual adds between static int8 layers.")

    @property
    def needs_audio(self) -> bool:
        """Whether the program depends on calibration audio: something other than weights is quantized."""
        return self.everywhere or not {"none", *WEIGHT_SCHEMES}.issuperset(self.parts.values())

    @model_validator(mode="after")
    def _settings_have_an_effect(self) -> Self:
        names = ("observer", "outside", "equalize", "correct_bias", "leaky_relu", "residual_add")
        changed = [name for name in names if getattr(self, name) != type(self).model_fields[name].default]
        if self.everywhere and changed:
            fail_validation(f"everywhere uses the quantizer's defaults; remove {', '.join(changed)}")
        useless = [name for name in ("equalize", "correct_bias") if name in changed]
        if useless and self.parts and not self.needs_audio:
            fail_validation(f"{' and '.join(useless)} has no effect if only weights are integers; remove it")
        return self

    @field_validator("parts")
    @classmethod
    def _no_parts_with_everywhere(cls, parts: dict[str, Scheme], info: ValidationInfo) -> dict[str, Scheme]:
        if parts and info.data.get("everywhere"):
            fail_validation("everywhere quantizes the whole graph; remove parts")
        return parts


class Audio(RecipeSection):
    """Which clips calibrate and which score; no clip does both."""

    calibrate: ClipPatterns = Field(
        ("synthetic/calibrate/*", "sung/calibrate/*"),
        strict=False,
        description="Clips that calibrate thresholds and quantizers: names without suffix, * and ? allowed. "
        "corpus:NAME is a fetched corpus: the quarter of its singers who calibrate.",
    )
    score: ClipPatterns = Field(
        ("synthetic/score/*", "sung/*"),
        strict=False,
        json_schema_extra={"minItems": 1},
        description="Clips that score the program: names without suffix, * and ? allowed. corpus:NAME is a fetched "
        "corpus: the singers who do not calibrate.",
    )
    channel: Annotated[
        Channel,
        BeforeValidator(lambda value: str(value) if type(value) is int else value),
        AfterValidator(_known_channel),
        WithJsonSchema({"anyOf": [{"enum": ["mix", "left", "right"]}, {"type": "integer", "minimum": 1}]}),
    ] = Field("mix", description="Channel of recordings: their mean (mix), left, right, or its number from 1.")

    @field_validator("score")
    @classmethod
    def _something_to_score(cls, patterns: ClipPatterns) -> ClipPatterns:
        if not patterns:
            fail_validation("expected at least one clip, got an empty list")
        return patterns

    @model_validator(mode="after")
    def _disjoint(self, info: ValidationInfo) -> Self:
        known_names: KnownNames | None = info.context
        clips = known_names.clips if known_names else ()
        selected: dict[Role, set[str]] = {}
        for role in ROLES:
            patterns = self.clip_patterns(role)
            selected[role] = {clip for clip in clips if any(clip_matches(pattern, clip) for pattern in patterns)}
            wrong = [clip for clip in clips if clip in selected[role] and role_of_singer(clip) not in (None, role)]
            if wrong:
                fail_validation(f"{role} has {wrong[0]!r}, whose singer is on the other side; write corpus:NAME")
        both = [clip for clip in clips if clip in selected["calibrate"] & selected["score"]]
        if both:
            more = f" and {len(both) - 5} more" if len(both) > 5 else ""
            fail_validation(f"calibrate and score share {', '.join(map(repr, both[:5]))}{more}; remove them from one")
        return self

    def clip_patterns(self, role: Role) -> tuple[str, ...]:
        """Returns the patterns of the names of the clips in a role: a corpus as its clips that have the role."""
        return tuple(clip_pattern(pattern, role) for pattern in getattr(self, role))


class Scoring(RecipeSection):
    """What counts in a score."""

    voiced_confidence: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Baseline confidence from which a frame is voiced, if the f0 is not known.",
    )
    min_voiced_frames: int = Field(
        100, ge=1, le=10_000_000, description="Voiced frames below which pitch deviations are inconclusive."
    )


class Postprocess(RecipeSection):
    """What is done to the estimates where they are shown. It never changes a score."""

    confidence_threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Confidence below which `track` reports a frame as unvoiced (0 Hz) and plots draw no pitch. Stored "
        "in the program's metadata; not used in scores.",
    )


class Speed(RecipeSection):
    """How baseline and variant are timed, in alternating rounds."""

    threads: int = Field(1, ge=1, le=1024, description="Threads of the baseline and of the variant.")
    rounds: int = Field(20, ge=3, le=10_000, description="Alternating rounds; their spread gives the uncertainty.")
    chunks_per_round: int = Field(25, ge=1, le=1_000_000, description="Timed chunks of each side in a round.")
    warmup_chunks: int = Field(
        20, ge=1, le=1_000_000, description="Untimed chunks of each side before the first round."
    )
