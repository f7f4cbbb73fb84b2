"""The record of a soak: one long stream without a reset. `soak.json`, schema_version 1."""

from typing import Literal

from workbench.export.program_file import ProgramFile
from workbench.measure.soak import SoakSegment
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.metrics import Verdict
from workbench.records.result import RecipeUsed

SOAK_NAME, SOAK_PLOT_NAME = "soak.json", "soak.png"


class Soak(RecordModel):
    """One program on hours of audio without a reset, in segments of equal length.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        recipe: The recipe of the program.
        environment: The machine and the library versions.
        program: The program's file.
        native: Whether the program ran in the native host, as an app would run it, and not in Python.
        clips: The clips that were repeated.
        hours: The length of the audio.
        took_s: The wall time of the soak.
        stretches: The figures of each segment.
        ended: Why the program stopped before the end; "" if it did not.
        verdict: `pass`, `fail` or `inconclusive`.
        reasons: The reasons for a verdict other than `pass`.
    """

    schema_version: Literal[1] = 1
    created: str
    recipe: RecipeUsed
    environment: Environment
    program: ProgramFile
    native: bool = False
    clips: tuple[str, ...]
    hours: float
    took_s: float
    stretches: tuple[SoakSegment, ...]
    ended: str = ""
    verdict: Verdict = "inconclusive"
    reasons: tuple[str, ...] = ()
