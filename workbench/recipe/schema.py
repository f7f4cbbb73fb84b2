"""The keys of a recipe file, with their types, bounds and defaults. `sections.py` has those of its sections."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from workbench.errors import quote_value
from workbench.recipe.gates import Gate, GatesFromMapping
from workbench.recipe.limits.backends import lowering_conflict, quantization_conflict
from workbench.recipe.limits.quantized_stream import quantized_stream_conflict
from workbench.recipe.limits.students import student_conflict, student_quantization_conflict
from workbench.recipe.lowering_section import Lowering
from workbench.recipe.messages import fail_validation
from workbench.recipe.options import (
    APPROXIMATE_FRONTENDS,
    DEFAULT_FRONTEND_TOLERANCE,
    OUTPUTS,
    Frontend,
    Output,
    ProtocolName,
    Reduction,
    State,
)
from workbench.recipe.patterns import KnownNames, is_checkpoint_file, unknown_checkpoint_reason
from workbench.recipe.sections import (
    Audio,
    FramesPerChunk,
    FramesRange,
    Postprocess,
    Quantization,
    RecipeSection,
    Scoring,
    Speed,
)
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.recipe.students.section import Student
from workbench.storage.hashing import sha256_of
from workbench.storage.yaml_files import is_file


class RecipeModel(RecipeSection):
    """The keys of a recipe file, except `extends` and `matrix`, which are resolved before validation."""

    description: Annotated[str, Field(strict=True)] = Field(
        description="The purpose of this recipe, on one line; not inherited through extends."
    )
    checkpoint: str = Field(
        "mir-1k_g7",
        description="A packaged checkpoint or a shipped student, or a .ckpt, .pt, .pth or .safetensors (student) "
        "file relative to the recipe's folder.",
    )
    trust_checkpoint: bool = Field(False, description="Allow code in the checkpoint to run.")
    sample_rate_hz: int = Field(ge=8000, le=192_000, description="Sample rate of the audio in hertz.")
    chunk_samples: int = Field(
        ge=1,
        le=1_920_000,
        description="Samples of one call at sample_rate_hz; of the smallest call, if frames_per_chunk is a range.",
    )
    frames_per_chunk: FramesPerChunk = Field(
        1,
        description="Pitch frames of one call, or {min: 1, max: 32} for calls of any size in this range; the hop is "
        "chunk_samples / frames_per_chunk (/ min).",
    )
    streams: int = Field(1, ge=1, le=64, description="Independent voices in one call, each with its own state.")
    mirror: float = Field(
        ge=0,
        le=1,
        description="Latency: 0 waits for the whole analysis window, 1 pads its future half with zeros.",
    )
    reduction: Reduction = Field(
        "alwa",
        description="How pitch is read from the activations: average around the peak, position of the peak, or mean.",
    )
    state: State = Field(
        "internal",
        description="Where the past audio is kept: in the program (internal); by the host, which passes it in and "
        "receives it back at every call (explicit) or passes the whole window (none); or nowhere, because the exporter "
        "folded it into a constant (frozen).",
    )
    outputs: tuple[Output, ...] = Field(
        OUTPUTS,
        strict=False,
        json_schema_extra={"minItems": 1, "uniqueItems": True},
        description="What a call returns: pitch, and any of the others; what is not listed is not computed.",
    )
    protocol: ProtocolName = Field(
        "continuous",
        description="Whether the state is kept between chunks or reset before each, on both sides. The last two reset "
        "only one side: such results are labelled UNFAIR and never pass.",
    )
    frontend: Frontend = Field(
        "upstream",
        description="Implementation of the CQT: upstream's convolution, the same without its zeros (grouped), or an "
        "approximation: each group of bins in two steps (low-rank), or in three, with half of the bytes (three-stage).",
    )
    frontend_tolerance: float = Field(
        DEFAULT_FRONTEND_TOLERANCE,
        ge=1e-6,
        le=0.1,
        description="For frontend: low-rank or three-stage, the largest error of a bin's kernel, relative to its norm.",
    )
    lowering: Lowering = Field(Lowering(), validate_default=True, description="How the model becomes a program.")
    quantization: Annotated[Quantization, BeforeValidator(lambda value: {} if value == "none" else value)] = Field(
        Quantization(), description="Which parts are quantized, and how; none for float."
    )
    postprocess: Postprocess = Field(Postprocess(), description="Applied where estimates are shown, never in scores.")
    audio: Audio = Field(Audio(), description="Which clips calibrate and which score.")
    scoring: Scoring = Field(Scoring(), description="What counts in a score.")
    speed: Speed = Field(Speed(), description="How baseline and variant are timed.")
    student: Student = Field(Student(), description="How `workbench train` trains a student of the checkpoint.")
    gates: Annotated[tuple[Gate, ...], GatesFromMapping()] = Field(
        (), description="Limits that decide the verdict: metric of the record -> '<= 0.01' or '>= 5'; null removes one."
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
            fail_validation(f"expected the purpose of the recipe on one line, got {'several' if text else 'nothing'}")
        return text

    @field_validator("outputs")
    @classmethod
    def _pitch_at_least(cls, outputs: tuple[str, ...]) -> tuple[str, ...]:
        if "pitch" not in outputs:
            fail_validation(f"expected pitch among the outputs, got {', '.join(outputs) or 'an empty list'}")
        if len(set(outputs)) < len(outputs):
            fail_validation(f"expected each output once, got {', '.join(outputs)}")
        return outputs

    @field_validator("checkpoint")
    @classmethod
    def _known_checkpoint(cls, name: str, info: ValidationInfo) -> str:
        known_names: KnownNames | None = info.context
        if known_names is None or name in known_names.checkpoints:
            return name
        if not is_checkpoint_file(name):
            fail_validation(unknown_checkpoint_reason(name, known_names))
        if not is_file(Path(name)):
            fail_validation(f"there is no file {name!r}; check the path")
        return name

    @field_validator("frames_per_chunk")
    @classmethod
    def _whole_hops(cls, frames: FramesPerChunk, info: ValidationInfo) -> FramesPerChunk:
        chunk_samples = info.data.get("chunk_samples")  # missing if it is invalid itself
        smallest = frames.min if isinstance(frames, FramesRange) else frames
        if chunk_samples is not None and chunk_samples % smallest:
            fail_validation(f"expected a divisor of chunk_samples ({chunk_samples}), got {quote_value(smallest)}")
        return frames

    @field_validator("frontend_tolerance")
    @classmethod
    def _only_for_approximations(cls, tolerance: float, info: ValidationInfo) -> float:
        frontend = info.data.get("frontend", "low-rank")
        if tolerance != DEFAULT_FRONTEND_TOLERANCE and frontend not in APPROXIMATE_FRONTENDS:
            choices = " or ".join(APPROXIMATE_FRONTENDS)
            fail_validation(f"requires frontend: {choices}, got {frontend}; change it, or remove frontend_tolerance")
        return tolerance

    @field_validator("lowering")
    @classmethod
    def _fits_the_backend(cls, lowering: Lowering, info: ValidationInfo) -> Lowering:
        conflict = student_conflict(lowering, info.data) or lowering_conflict(lowering, info.data)
        if conflict:
            fail_validation(conflict)
        return lowering

    @field_validator("postprocess")
    @classmethod
    def _threshold_needs_confidence(cls, postprocess: Postprocess, info: ValidationInfo) -> Postprocess:
        outputs = info.data.get("outputs", ("confidence",))
        if postprocess.confidence_threshold is not None and "confidence" not in outputs:
            fail_validation(f"confidence_threshold requires confidence among the outputs, got {', '.join(outputs)}")
        return postprocess

    @field_validator("quantization")
    @classmethod
    def _fits_the_stream(cls, quantization: Quantization, info: ValidationInfo) -> Quantization:
        lowering = info.data.get("lowering")
        if lowering is None:  # it is invalid itself: what fits its defaults would be another mistake
            return quantization
        for conflict_of in (quantization_conflict, student_quantization_conflict, quantized_stream_conflict):
            conflict = conflict_of(quantization, lowering, info.data)
            if conflict:
                fail_validation(conflict)
        return quantization


class Recipe(RecipeModel):
    """One variant to build and score: the keys of its file, and `name` and `source`, which no file can set.

    `source` is the recipe's file, or the name of a shipped recipe.
    """

    name: str
    source: Path

    @classmethod
    def of(cls, name: str, source: Path, keys: RecipeModel) -> "Recipe":
        """Returns the recipe with these keys, which are already validated."""
        return cls.model_construct(name=name, source=source, **dict(keys))

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
            toeplitz_block=self.lowering.toeplitz_block,
        )

    def resolved(self) -> dict[str, Any]:
        """Returns every key with its value, defaults included, as a recipe file has them; ready for JSON or YAML."""
        untrained = {"student"} if self.student == Student() else set()  # earlier recipes do not have it
        return self.model_dump(mode="json", exclude={"name", "source", *untrained})

    @property
    def sha256(self) -> str:
        """Hash of `resolved()` as canonical JSON (sorted keys, no spaces): equal for recipes with the same values."""
        canonical = json.dumps(self.resolved(), sort_keys=True, separators=(",", ":"))
        return sha256_of(canonical.encode())
