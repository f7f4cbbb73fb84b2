"""The section `student` of a recipe: how a small network learns to return what PESTO's encoder returns."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workbench.recipe.messages import fail_validation
from workbench.recipe.sections import RecipeSection
from workbench.recipe.students.architecture import Architecture
from workbench.recipe.students.quantization_aware import QuantizationAware

LEAST_CONFIDENCE = 0.02
"""Frames with a lower confidence are not stored: their pitch teaches nothing."""

_Share = Annotated[float, Field(ge=0, le=1)]


class TrainingData(RecipeSection):
    """The audio that a student is trained on and that it is tested on in between: batches of random synthetic clips."""

    batches: int = Field(8, ge=1, le=10_000, description="Batches of training clips.")
    clips_per_batch: int = Field(64, ge=1, le=1024, description="Clips of a batch.")
    clip_seconds: float = Field(16.0, ge=2, le=600, description="Length of each clip.")
    mirrors: tuple[_Share, ...] = Field(
        (1.0, 1.0, 0.5, 0.0), strict=False, min_length=1, description="The mirror of each batch in turn."
    )
    calibration_clips: Literal["held-out", "train"] = Field(
        "held-out", description="Whether the clips of audio.calibrate test the student, or train it."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the synthetic clips.")


class Augmentation(RecipeSection):
    """The share of the clips that each change of the sound applies to. Each has random settings in every clip."""

    equalizer: _Share = Field(0.6, description="A microphone, a room or another instrument: -24 to 12 dB by frequency.")
    reverberation: _Share = Field(0.4, description="Reverberation of 0.1 to 0.9 s.")
    noise: _Share = Field(0.55, description="White or pink noise, 3 to 60 dB below the sound.")
    hum: _Share = Field(0.15, description="Hum of 50 to 120 Hz, 10 to 40 dB below the sound.")
    silence: _Share = Field(0.3, description="Three gaps of up to half a second.")
    clipping: _Share = Field(0.1, description="Clipping at 0.4 of the peak.")
    levels_dbfs: tuple[float, float] = Field(
        (-50.0, -10.0), strict=False, description="The lowest and the highest level of a clip."
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        lowest, highest = self.levels_dbfs
        if not -100 <= lowest <= highest <= 0:
            fail_validation(f"levels_dbfs: expected two rising levels from -100 to 0, got {lowest:g} and {highest:g}")
        return self


class Student(RecipeSection):
    """How `workbench train` trains a student of the recipe's checkpoint.

    What was added later is left out unless it is set: the hash of a training and the file of a student depend on it.
    """

    architecture: Architecture = Field(Architecture(), description="The network.")
    data: TrainingData = Field(TrainingData(), description="What it is trained on.")
    augmentation: Augmentation = Field(Augmentation(), description="How the sound of the clips is changed.")
    least_weight: float = Field(
        0.05, ge=0, le=10, description="Weight of a frame in the loss beside the teacher's confidence."
    )
    least_confidence: float = Field(
        LEAST_CONFIDENCE,
        ge=LEAST_CONFIDENCE,
        le=1,
        description="Frames with a lower confidence of the teacher are not trained on.",
    )
    epochs: int = Field(30, ge=0, le=100_000, description="Times that the student receives each frame.")
    frames_per_step: int = Field(256, ge=1, le=1_000_000, description="Frames of a step.")
    learning_rate: float = Field(
        3e-3, gt=0, le=1e6, description="The highest learning rate, after a tenth of the steps."
    )
    weight_decay: float = Field(1e-4, ge=0, le=1, description="Weight decay of AdamW.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the first weights and of the order of the frames.")
    initial: str | None = Field(
        None,
        exclude_if=lambda initial: initial is None,
        description="A student whose weights are the first ones: a shipped one, or a .safetensors file.",
    )
    quantization_aware: QuantizationAware = Field(
        QuantizationAware(),
        exclude_if=lambda section: section == QuantizationAware(),
        description="Epochs with int8 layers, after the others.",
    )

    @model_validator(mode="after")
    def _has_epochs(self) -> Self:
        if not self.epochs + self.quantization_aware.epochs:
            fail_validation("has no epochs; use epochs: 1 or more, or set quantization_aware.epochs")
        return self
