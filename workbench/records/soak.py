"""The record of a long stream, and its verdict. `soak.json`."""

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
    """A stream without a reset for `hours` of audio, in equal parts."""

    schema_version: Literal[1] = 1
    created: str
    recipe: RecipeUsed
    environment: Environment
    program: ProgramFile
    clips: tuple[str, ...]
    hours: float
    took_s: float
    stretches: tuple[SoakSegment, ...]
    ended: str = Field("", description="How the program ended it before all parts were streamed.")
    verdict: Verdict = "inconclusive"
    reasons: tuple[str, ...] = ()
