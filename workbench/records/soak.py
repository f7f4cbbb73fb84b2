"""The record of a soak: one long stream without a reset. `soak.json`, schema_version 1."""

from typing import Literal

from pydantic import Field

from workbench.export.program_file import ProgramFile
from workbench.measure.soak import SoakSegment
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.metrics import Verdict
from workbench.records.result import RecipeUsed

SOAK_NAME = "soak.json"


class Soak(RecordModel):
    """One program on `hours` of audio without a reset, in segments of equal length. `took_s` is the wall time."""

    schema_version: Literal[1] = 1
    created: str
    recipe: RecipeUsed
    environment: Environment
    program: ProgramFile
    clips: tuple[str, ...]
    hours: float
    took_s: float
    stretches: tuple[SoakSegment, ...]
    ended: str = Field("", description="Why the program stopped before the end; empty if it did not.")
    verdict: Verdict = "inconclusive"
    reasons: tuple[str, ...] = ()
