"""What a recipe may say: the keys of a recipe file, their types, limits and defaults.

Everything is frozen and strict (no text that happens to look like a number), and what does not exist yet is refused.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

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

from workbench.recipe.gates import Gate, GatesFromMapping
from workbench.recipe.problems import FIXED, RANGE, did_you_mean, show, wrong
from workbench.recipe.vocabulary import Vocabulary, has_wildcard, matches

CHECKPOINT_SUFFIXES = (".ckpt", ".pt", ".pth")


def _known_pattern(pattern: str, info: ValidationInfo) -> str:
    vocabulary: Vocabulary | None = info.context
    if vocabulary is None or pattern in vocabulary.clips:
        return pattern
    folder, _, last = pattern.rpartition("/")
    if not has_wildcard(pattern):
        if pattern.rstrip("/") in vocabulary.clip_folders:
            wrong(f"{show(pattern)} is a folder (did you mean '{pattern.rstrip('/')}/*'?)")
        wrong(f"there is no clip {show(pattern)}" + did_you_mean(pattern, vocabulary.clips))
    if not any(matches(folder, known) for known in vocabulary.clip_folders):
        near = did_you_mean(pattern, [f"{known}/{last}" for known in vocabulary.clip_folders])
        wrong(f"there is no folder {show(folder)} for {show(pattern)}{near}")
    return pattern


ClipPatterns = tuple[Annotated[str, AfterValidator(_known_pattern)], ...]


class _Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FramesRange(_Keys):
    """Calls of several sizes, in any order."""

    min: int = Field(ge=1, le=256, description="Frames of the smallest call.")
    max: int = Field(ge=1, le=256, description="Frames of the largest call.")

    @field_validator("max")
    @classmethod
    def _at_least_min(cls, largest: int, info: ValidationInfo) -> int:
        smallest = info.data.get("min")  # absent when it is wrong itself
        if smallest is not None and largest < smallest:
            wrong(f"wants at least min ({smallest}), got {largest}")
        return largest


FramesPerChunk = Annotated[
    Annotated[int, Field(ge=1), Tag(FIXED)] | Annotated[FramesRange, Tag(RANGE)],
    Discriminator(lambda value: RANGE if isinstance(value, dict | FramesRange) else FIXED),
]


class Lowering(_Keys):
    """How the model becomes a program."""

    backend: Literal["xnnpack", "portable"] = Field(
        "xnnpack", description="Kernels that run the program: XNNPACK's, or ExecuTorch's portable reference ones."
    )
    toeplitz: Literal["linear", "conv", "block"] = Field(
        "linear",
        description="Form of the last layer, all equal: a Linear (1 MB), upstream's convolution (slow), or a "
        "convolution over blocks (small and fast).",
    )


Observer = Literal["min-max", "moving-average", "histogram", "percentile"]
Scheme = Literal["none", "int8-dynamic", "int8-static", "int8-static-per-tensor"]
_UNAVAILABLE = {
    "int8-weights": "XNNPACK leaves the dequantize outside, and the runtime has no kernel for it",
    "fp16": "XNNPACK runs it slower than float32 here, and the front end overflows to NaN",
    "int4": "XNNPACK's 4 bits need Linears whose width divides by 32, which hold next to nothing of this model",
}


def _available(scheme: object) -> object:
    if isinstance(scheme, str) and scheme in _UNAVAILABLE:
        wrong(f"{scheme} is not available: {_UNAVAILABLE[scheme]}")
    return scheme


class Quantization(_Keys):
    """Which layers become int8, and how their ranges are found. `quantization: none` names no part."""

    everywhere: bool = Field(False, description="Quantize the whole graph at once, as a first attempt would.")
    parts: dict[str, Annotated[Scheme, BeforeValidator(_available)]] = Field(
        {},
        description="Part of the model (encoder, encoder.prefilter.1, frontend.*) -> scheme; the more specific wins.",
    )
    observer: Observer = Field("min-max", description="How the range of an activation is found on calibration audio.")
    outside: float = Field(1e-4, ge=0, lt=0.5, description="Of percentile: share of values beyond each end.")
    seconds_per_clip: float = Field(
        3600, gt=0, le=3600, description="Of each calibration clip, how much is heard, from its start."
    )
    leaky_relu: Literal["int8", "float"] = Field("int8", description="Leaky ReLU after a static int8 layer.")
    residual_add: Literal["float", "int8"] = Field("float", description="Residual adds between static int8 layers.")

    @field_validator("parts")
    @classmethod
    def _either(cls, parts: dict[str, Scheme], info: ValidationInfo) -> dict[str, Scheme]:
        if parts and info.data.get("everywhere"):
            wrong("everywhere quantizes the whole graph, and so takes no parts")
        return parts


class Audio(_Keys):
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
            wrong("wants at least one clip, got an empty list")
        return patterns

    @model_validator(mode="after")
    def _disjoint(self, info: ValidationInfo) -> Self:
        vocabulary: Vocabulary | None = info.context
        clips = vocabulary.clips if vocabulary else ()
        both = [clip for clip in clips if all(any(matches(p, clip) for p in ps) for ps in (self.calibrate, self.score))]
        if both:
            more = f" and {len(both) - 5} more" if len(both) > 5 else ""
            wrong(f"calibrate and score share {', '.join(map(repr, both[:5]))}{more}; a clip can do only one of them")
        return self


class Scoring(_Keys):
    """What counts in a score."""

    voiced_confidence: float = Field(
        0.5, ge=0, le=1, description="Baseline confidence from which a frame is voiced, where the f0 is not known."
    )
    min_voiced_frames: int = Field(
        100, ge=1, le=10_000_000, description="Voiced frames below which pitch deviations are inconclusive."
    )


class Speed(_Keys):
    """How baseline and variant are timed, in alternating rounds."""

    threads: int = Field(1, ge=1, le=1024, description="Threads of baseline and variant alike.")
    rounds: int = Field(20, ge=3, le=10_000, description="Alternating rounds; their spread carries the uncertainty.")
    chunks_per_round: int = Field(25, ge=1, le=1_000_000, description="Chunks timed for each side in a round.")
    warmup_chunks: int = Field(
        20, ge=1, le=1_000_000, description="Untimed chunks of each side before the first round."
    )


class RecipeKeys(_Keys):
    """The keys of a recipe file, but for `extends` and `matrix`, which are gone once it is read."""

    description: Annotated[str, Field(strict=True)] = Field(
        description="What this recipe is for, on one line; not inherited through extends."
    )
    checkpoint: str = Field(
        "mir-1k_g7", description="A packaged checkpoint, or a .ckpt, .pt or .pth file relative to the recipe's folder."
    )
    trust_checkpoint: bool = Field(False, description="Allow code in the checkpoint to run.")
    sample_rate_hz: int = Field(ge=8000, le=192_000, description="Sample rate of the audio, in hertz.")
    chunk_samples: int = Field(
        ge=1, le=1_920_000, description="Samples of one call, at sample_rate_hz; of the smallest, of several sizes."
    )
    frames_per_chunk: FramesPerChunk = Field(
        1,
        description="Pitch frames of one call, or {min: 1, max: 32} for calls of any size between; the hop is "
        "chunk_samples / frames_per_chunk (/ min).",
    )
    streams: int = Field(
        1, ge=1, le=64, description="Independent voices that one call hears, each with a memory of its own."
    )
    mirror: float = Field(
        ge=0,
        le=1,
        description="Latency choice: 0 waits for the whole analysis window, 1 pads its future half with zeros.",
    )
    reduction: Literal["alwa", "argmax", "mean"] = Field(
        "alwa", description="How pitch is read from the activations: average around the peak, the peak, or the mean."
    )
    state: Literal["internal", "explicit"] = Field(
        "internal",
        description="Where the past audio is kept: in the program, or by its host, which hands it in at every call.",
    )
    frontend: Literal["upstream", "grouped", "low-rank"] = Field(
        "upstream",
        description="The CQT: upstream's convolution, the same sums without the zeros, or an approximation of them.",
    )
    lowering: Lowering = Field(Lowering(), description="How the model becomes a program.")
    quantization: Annotated[Quantization, BeforeValidator(lambda value: {} if value == "none" else value)] = Field(
        Quantization(), description="Which parts are quantized, and how; none for float."
    )
    audio: Audio = Field(Audio(), description="Which clips calibrate and which score.")
    scoring: Scoring = Field(Scoring(), description="What counts in a score.")
    speed: Speed = Field(Speed(), description="How baseline and variant are timed.")
    gates: Annotated[tuple[Gate, ...], GatesFromMapping()] = Field(
        (), description="Limits that decide the verdict: metric of the record -> '<= 0.01' or '>= 5'; null drops one."
    )

    @property
    def hop_samples(self) -> int:
        """Samples between two pitch frames."""
        return self.chunk_samples // self.min_frames

    @property
    def min_frames(self) -> int:
        """Frames of the smallest call."""
        return self.frames_per_chunk.min if isinstance(self.frames_per_chunk, FramesRange) else self.frames_per_chunk

    @property
    def max_frames(self) -> int:
        """Frames of the largest call."""
        return self.frames_per_chunk.max if isinstance(self.frames_per_chunk, FramesRange) else self.frames_per_chunk

    @field_validator("description")
    @classmethod
    def _one_line(cls, text: str) -> str:
        text = text.strip()
        if len(text.splitlines()) != 1:
            wrong("wants one line that says what the recipe is for" + (", got several" if text else ", got nothing"))
        return text

    @field_validator("checkpoint")
    @classmethod
    def _known_checkpoint(cls, name: str, info: ValidationInfo) -> str:
        vocabulary: Vocabulary | None = info.context
        if vocabulary is None or name in vocabulary.checkpoints:
            return name
        if not is_checkpoint_file(name):
            known = ", ".join(vocabulary.checkpoints)
            near = did_you_mean(name, vocabulary.checkpoints)
            wrong(f"{show(name)} is neither a packaged checkpoint ({known}) nor a .ckpt, .pt or .pth file{near}")
        if not is_file(Path(name)):
            wrong(f"there is no file {name!r}")
        return name

    @field_validator("frames_per_chunk")
    @classmethod
    def _whole_hops(cls, frames: FramesPerChunk, info: ValidationInfo) -> FramesPerChunk:
        chunk_samples = info.data.get("chunk_samples")  # absent when it is wrong itself
        smallest = frames.min if isinstance(frames, FramesRange) else frames
        if chunk_samples is not None and chunk_samples % smallest:
            wrong(f"chunk_samples ({chunk_samples}) does not divide into {show(smallest)} frames of whole samples")
        return frames

    @field_validator("quantization")
    @classmethod
    def _everywhere_is_the_plain_stream(cls, asked: Quantization, info: ValidationInfo) -> Quantization:
        plain = (info.data.get("state", "internal"), info.data.get("streams", 1)) == ("internal", 1)
        if asked.everywhere and not (plain and isinstance(info.data.get("frames_per_chunk", 1), int)):
            wrong("everywhere takes one stream with internal state and one number of frames_per_chunk")
        return asked


class Recipe(RecipeKeys):
    """One variant to build and score: the keys of its file, and `name` and `source`, which no file can set."""

    name: str
    source: Path

    def resolved(self) -> dict[str, Any]:
        """Every key with its value, defaults filled in, as a recipe file would say it; ready for JSON or YAML."""
        return self.model_dump(mode="json", exclude={"name", "source"})

    @property
    def sha256(self) -> str:
        """Hash of `resolved()` as canonical JSON (sorted keys, no spaces): equal for recipes that say the same."""
        canonical = json.dumps(self.resolved(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def is_checkpoint_file(checkpoint: str) -> bool:
    """Whether a checkpoint is named as a file, not as a packaged one."""
    return checkpoint.isprintable() and Path(checkpoint).suffix.lower() in CHECKPOINT_SUFFIXES


def is_file(path: Path) -> bool:
    """Whether `path` is a file; False, not an exception, for a name that no file system takes."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def recipe_keys(model: type[BaseModel] = RecipeKeys, prefix: str = "") -> list[str]:
    """The dotted keys that hold a value ("mirror", "lowering.backend"), in the order of the schema."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            keys += recipe_keys(section, f"{prefix}{name}.")
        else:
            keys.append(prefix + name)
    return keys
