"""The record of `rivals`: PESTO and other pitch trackers on the same clips. `rivals.json`, schema_version 1."""

from typing import Literal

from workbench.audio.annotations import TruthKind
from workbench.measure.rivals.figures import RivalFigures
from workbench.record_model import RecordModel
from workbench.records.bench import NotRun
from workbench.records.environment import Environment

RIVALS_NAME, RIVALS_PLOT_NAME = "rivals.json", "rivals.png"


class ClipSet(RecordModel):
    """The clips of one role and one kind of truth.

    Attributes:
        kind: How their f0 is known.
        clips: Their names.
        frames: The moments of the grid whose f0 is known.
        voiced_frames: Those of them that are voiced.
    """

    kind: TruthKind
    clips: tuple[str, ...]
    frames: int
    voiced_frames: int


class Rivals(RecordModel):
    """PESTO and other trackers on the same clips and the same time grid.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        environment: The machine and the library versions.
        grid_ms: The distance of the moments at which every tracker is scored.
        lowest_hz: The lowest pitch that the other trackers search for, as far as they can.
        highest_hz: The highest.
        calibration: The clips that the delays and the best thresholds are fitted to. They are not scored.
        scored: The scored clips, for each kind of truth.
        trackers: The trackers, PESTO first.
        not_run: The trackers that are not installed or failed, and why.
    """

    schema_version: Literal[1] = 1
    created: str
    environment: Environment
    grid_ms: float
    lowest_hz: float
    highest_hz: float
    calibration: ClipSet
    scored: tuple[ClipSet, ...]
    trackers: tuple[RivalFigures, ...]
    not_run: tuple[NotRun, ...]

    @property
    def not_timed(self) -> dict[str, str]:
        """Why trackers that were tracked have no time, by name. Empty if the times were left out on purpose."""
        return {each.name: each.null_reasons["time"] for each in self.trackers if each.time is None and each.lookahead}
