"""The record of a profile: the time of each operator and layer of a program. `profile.json`, schema_version 2."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from workbench.errors import WorkbenchError
from workbench.export.program_file import ProgramFile
from workbench.measure.operators.figures import KindFigures, LayerFigures, OperatorFigures, Totals
from workbench.measure.operators.roofline import Peaks
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.result import RecipeUsed

PROFILE_NAME, PROFILE_PLOT_NAME = "profile.json", "profile.png"


class Profile(RecordModel):
    """One program on one machine. Everything was timed with `environment.threads`.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        recipe: The recipe of the program.
        environment: The machine and the library versions.
        instructions: The vector instructions of the processor that its peak rates depend on.
        program: The program's file.
        sample_rate_hz: The sample rate of the stream.
        chunk_samples: The samples of a call.
        frames_per_chunk: The frames of a call.
        streams: The voices of a call.
        mirror: The share of the window's future half that is padded.
        clip: The clip of the timed audio.
        rounds: Rounds in which the host and the recording host had their turns.
        calls_per_round: Timed calls of each in a round.
        warmup_calls: Untimed calls of each before the first round.
        seed: The seed of the order within each round.
        totals: Where the time of a call goes.
        layers: The figures of each layer, in the order in which they run. Null if operators have no layers.
        kinds: The figures of each kind of operator, the longest first.
        operators: The operators in the order in which they run.
        peaks: The peak rates of the machine.
    """

    schema_version: Literal[2] = 2
    created: str
    recipe: RecipeUsed
    environment: Environment
    instructions: tuple[str, ...] | None
    program: ProgramFile
    sample_rate_hz: int
    chunk_samples: int
    frames_per_chunk: int
    streams: int
    mirror: float
    clip: str
    rounds: int
    calls_per_round: int
    warmup_calls: int
    seed: int
    totals: Totals
    layers: tuple[LayerFigures, ...] | None
    kinds: tuple[KindFigures, ...]
    operators: tuple[OperatorFigures, ...]
    peaks: Peaks

    @property
    def title(self) -> str:
        """The program, its calls, the threads and the processor, in a line."""
        period_ms = 1000 * self.chunk_samples / self.sample_rate_hz
        threads = "1 thread" if self.environment.threads == 1 else f"{self.environment.threads} threads"
        return (
            f"{self.recipe.name}: {self.sample_rate_hz} Hz, {self.chunk_samples}-sample calls ({period_ms:.4g} ms), "
            f"mirror {self.mirror:g}; {threads}, {self.environment.cpu}"
        )


def read_profile(path: Path) -> Profile | None:
    """Reads a profile. Returns None if there is no file.

    Raises:
        WorkbenchError: if the file cannot be read, or is no profile of this schema.
    """
    try:
        return Profile.model_validate_json(path.read_bytes(), extra="ignore")  # later versions add keys
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise WorkbenchError(
            f"{path}: not a profile of schema version 2; delete it, or run `workbench profile` again"
        ) from error
