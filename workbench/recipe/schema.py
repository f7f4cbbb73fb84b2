"""What a recipe may say: the keys of a recipe file, their types, limits and defaults. `sections.py` has those below."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, field_validator

from workbench.errors import did_you_mean, quote_value
from workbench.recipe.backend_limits import lowering_conflict, quantization_conflict
from workbench.recipe.gates import Gate, GatesFromMapping
from workbench.recipe.known_names import KnownNames
from workbench.recipe.messages import fail_validation
from workbench.recipe.options import (
    DEFAULT_FRONTEND_TOLERANCE,
    OUTPUTS,
    Frontend,
    Output,
    ProtocolName,
    Reduction,
    State,
)
from workbench.recipe.sections import (
    Audio,
    FramesPerChunk,
    FramesRange,
    Lowering,
    Postprocess,
    Quantization,
    RecipeSection,
    Scoring,
    Speed,
)
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.storage.hashing import sha256_of

CHECKPOINT_SUFFIXES = (".ckpt", ".pt", ".pth")


class RecipeModel(RecipeSection):
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
    reduction: Reduction = Field(
        "alwa", description="How pitch is read from the activations: average around the peak, the peak, or the mean."
    )
    state: State = Field(
        "internal",
        description="Where the past audio is kept: in the program, or by its host, which hands it in at every call "
        "(explicit), or hands over past and new audio as one and gets nothing back (none). frozen: nowhere, where an "
        "exporter made a constant of it.",
    )
    outputs: tuple[Output, ...] = Field(
        OUTPUTS,
        strict=False,
        json_schema_extra={"minItems": 1, "uniqueItems": True},
        description="What a call returns: pitch, and what else a deployment uses; the rest is not computed.",
    )
    protocol: ProtocolName = Field(
        "continuous",
        description="The memory between calls: it goes on, or is emptied before each on both sides. The last two "
        "empty one side's alone: they compare unlike with unlike, are labelled UNFAIR and never pass.",
    )
    frontend: Frontend = Field(
        "upstream",
        description="The CQT: upstream's convolution, the same sums without the zeros, or an approximation of them.",
    )
    frontend_tolerance: float = Field(
        DEFAULT_FRONTEND_TOLERANCE,
        ge=1e-6,
        le=0.1,
        description="Of frontend low-rank: how far a bin's kernel may be off, relative to its norm.",
    )
    lowering: Lowering = Field(Lowering(), description="How the model becomes a program.")
    quantization: Annotated[Quantization, BeforeValidator(lambda value: {} if value == "none" else value)] = Field(
        Quantization(), description="Which parts are quantized, and how; none for float."
    )
    postprocess: Postprocess = Field(Postprocess(), description="What is done to the estimates where they are shown.")
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
            fail_validation(
                "wants one line that says what the recipe is for" + (", got several" if text else ", got nothing")
            )
        return text

    @field_validator("outputs")
    @classmethod
    def _pitch_at_least(cls, outputs: tuple[str, ...]) -> tuple[str, ...]:
        if "pitch" not in outputs:
            fail_validation(f"wants pitch among them, got {', '.join(outputs) or 'nothing'}")
        if len(set(outputs)) < len(outputs):
            fail_validation(f"names one twice: {', '.join(outputs)}")
        return outputs

    @field_validator("checkpoint")
    @classmethod
    def _known_checkpoint(cls, name: str, info: ValidationInfo) -> str:
        vocabulary: KnownNames | None = info.context
        if vocabulary is None or name in vocabulary.checkpoints:
            return name
        if not is_checkpoint_file(name):
            known = ", ".join(vocabulary.checkpoints)
            near = did_you_mean(name, vocabulary.checkpoints)
            fail_validation(
                f"{quote_value(name)} is neither a packaged checkpoint ({known}) nor a .ckpt, .pt or .pth file{near}"
            )
        if not is_file(Path(name)):
            fail_validation(f"there is no file {name!r}")
        return name

    @field_validator("frames_per_chunk")
    @classmethod
    def _whole_hops(cls, frames: FramesPerChunk, info: ValidationInfo) -> FramesPerChunk:
        chunk_samples = info.data.get("chunk_samples")  # absent when it is wrong itself
        smallest = frames.min if isinstance(frames, FramesRange) else frames
        if chunk_samples is not None and chunk_samples % smallest:
            fail_validation(
                f"chunk_samples ({chunk_samples}) does not divide into {quote_value(smallest)} frames of whole samples"
            )
        return frames

    @field_validator("frontend_tolerance")
    @classmethod
    def _of_low_rank(cls, tolerance: float, info: ValidationInfo) -> float:
        frontend = info.data.get("frontend", "low-rank")
        if tolerance != DEFAULT_FRONTEND_TOLERANCE and frontend != "low-rank":
            fail_validation(
                f"wants frontend: low-rank, got {frontend}; ask for that, or leave it at {DEFAULT_FRONTEND_TOLERANCE:g}"
            )
        return tolerance

    @field_validator("lowering")
    @classmethod
    def _fits_the_backend(cls, lowering: Lowering, info: ValidationInfo) -> Lowering:
        if why := lowering_conflict(lowering, info.data):
            fail_validation(why)
        return lowering

    @field_validator("postprocess")
    @classmethod
    def _of_confidence(cls, asked: Postprocess, info: ValidationInfo) -> Postprocess:
        outputs = info.data.get("outputs", ("confidence",))
        if asked.confidence_threshold is not None and "confidence" not in outputs:
            fail_validation(f"confidence_threshold wants confidence among outputs, got {', '.join(outputs)}")
        return asked

    @field_validator("quantization")
    @classmethod
    def _fits_the_stream(cls, asked: Quantization, info: ValidationInfo) -> Quantization:
        lowering = info.data.get("lowering")
        backend = lowering.backend if lowering is not None else "xnnpack"
        if why := quantization_conflict(asked, backend):
            fail_validation(why)
        plain = (info.data.get("state", "internal"), info.data.get("streams", 1)) == ("internal", 1)
        one_size = isinstance(info.data.get("frames_per_chunk", 1), int)
        if asked.everywhere and backend != "onnx" and not (plain and one_size):
            fail_validation("everywhere takes one stream with internal state and one number of frames_per_chunk")
        if asked.correct_bias and "int8-dynamic" in asked.parts.values():
            fail_validation("correct_bias takes static rules alone: a dynamic range is another in every frame")
        if asked.equalize and lowering is not None and lowering.prefilter != "conv":
            fail_validation(f"equalize wants lowering.prefilter: conv, got {quote_value(lowering.prefilter)}")
        return asked


class Recipe(RecipeModel):
    """One variant to build and score: the keys of its file, and `name` and `source`, which no file can set."""

    name: str
    source: Path

    @property
    def stream_config(self) -> StreamConfig:
        """The stream that the recipe describes."""
        return StreamConfig(
            sample_rate_hz=self.sample_rate_hz,
            hop_samples=self.hop_samples,
            frames_per_chunk=self.min_frames,
            mirror=self.mirror,
            max_frames_per_chunk=self.max_frames if self.max_frames > self.min_frames else None,
            streams=self.streams,
        )

    @property
    def implementations(self) -> Implementations:
        """The implementation of each layer that the recipe chooses."""
        return Implementations(
            frontend=self.frontend,
            prefilter=self.lowering.prefilter,
            toeplitz=self.lowering.toeplitz,
            band=self.lowering.prefilter_band,
            tolerance=self.frontend_tolerance,
        )

    def resolved(self) -> dict[str, Any]:
        """Every key with its value, defaults filled in, as a recipe file would say it; ready for JSON or YAML."""
        return self.model_dump(mode="json", exclude={"name", "source"})

    @property
    def sha256(self) -> str:
        """Hash of `resolved()` as canonical JSON (sorted keys, no spaces): equal for recipes that say the same."""
        canonical = json.dumps(self.resolved(), sort_keys=True, separators=(",", ":"))
        return sha256_of(canonical.encode())


def is_checkpoint_file(checkpoint: str) -> bool:
    """Whether a checkpoint is named as a file, not as a packaged one."""
    return checkpoint.isprintable() and Path(checkpoint).suffix.lower() in CHECKPOINT_SUFFIXES


def is_file(path: Path) -> bool:
    """Whether `path` is a file; False, not an exception, for a name that no file system takes."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def recipe_keys(model: type[BaseModel] = RecipeModel, prefix: str = "") -> list[str]:
    """The dotted keys that hold a value ("mirror", "lowering.backend"), in the order of the schema."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            keys += recipe_keys(section, f"{prefix}{name}.")
        else:
            keys.append(prefix + name)
    return keys
