"""The record of `train`: the student, what it was trained on, and how well it did after each epoch."""

from typing import Literal

from workbench.model.student.card import HeldOutScores
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.result import RecipeUsed

TRAINING_NAME, TRAINING_PLOT_NAME = "training.json", "training.png"


class TrainedEpoch(RecordModel):
    """One epoch of a training.

    Attributes:
        loss: The mean loss of its steps.
        seconds: Its wall time, without the test after it.
        synthetic: The deviation from the teacher on synthetic clips that the student is not trained on.
        recordings: The same on the calibration clips; null if it is trained on them, or if there are none.
        int8: Whether its layers round to int8, in the epoch and in the tests after it.
    """

    loss: float
    seconds: float
    synthetic: HeldOutScores | None
    recordings: HeldOutScores | None
    int8: bool = False


class Training(RecordModel):
    """A finished training.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        recipe: The recipe. Its checkpoint is the teacher.
        environment: The machine and the library versions.
        file: The student's file, in the folder of the record.
        sha256: The hash of that file.
        bytes: The size of that file.
        weights: The numbers that the student has learned.
        multiply_adds: The multiply-adds of its layers in a frame.
        data_sha256: The hash of the frames that it was trained on.
        frames: How many they are.
        epochs: The epochs in turn.
    """

    schema_version: Literal[1] = 1
    created: str
    recipe: RecipeUsed
    environment: Environment
    file: str
    sha256: str
    bytes: int
    weights: int
    multiply_adds: int
    data_sha256: str
    frames: int
    epochs: tuple[TrainedEpoch, ...]
