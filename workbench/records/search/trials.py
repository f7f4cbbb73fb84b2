"""The record of `search`: the space, every trial, the winner, and its scores on both kinds of clips."""

from typing import Any, Literal

from workbench.measure.spread import Spread
from workbench.record_model import RecordModel
from workbench.records.environment import Environment

SEARCH_NAME, SEARCH_PLOT_NAME, SEARCH_PAGE_NAME = "search.json", "search.png", "search.html"


Outcome = Literal["feasible", "infeasible", "stopped", "failed"]


class TrialRecord(RecordModel):
    """A finished trial of a search.

    Attributes:
        number: Its number in the study.
        outcome: feasible; infeasible (a limit is exceeded); stopped (before all stages, as a limit cannot be met); or
            failed (no program).
        parameters: Recipe key or pattern of layers -> its choice.
        metrics: Metric -> value, on calibration clips. Those of a trial that was stopped in the simulation are from
            excerpts of the clips.
        violation: The sum of what exceeds the limits, each relative to its limit.
        reason: Why it was stopped or failed; "" otherwise.
        machine: The name of the machine that ran it.
        seconds: How long it took.
    """

    number: int
    outcome: Outcome
    parameters: dict[str, Any]
    metrics: dict[str, float]
    violation: float
    reason: str
    machine: str
    seconds: float


class Finalist(RecordModel):
    """A trial that was timed again in the native host, in the same rounds as the other finalists and the baseline.

    Attributes:
        trial: The number of the trial.
        native_p50_us: Its median call.
        speedup: The baseline's median call / its own.
        over_winner: Its median call / the winner's; 1 for the winner. If `low` is below 1, it was faster than the
            winner in at least one round of ten.
        machine: The name of the machine that timed it.
    """

    trial: int
    native_p50_us: float
    speedup: Spread
    over_winner: Spread
    machine: str


class ClipScores(RecordModel):
    """The deviation of the winner on some clips.

    Attributes:
        clips: Their number.
        frames: Their frames.
        voiced_frames: The frames on which the pitch is compared.
        pitch_p95_cents: The 95th percentile of the absolute deviation of the pitch.
        over_50_cents_rate: The share of voiced frames that deviate by more than 50 cents.
        confidence_p95: The 95th percentile of the absolute deviation of the confidence.
    """

    clips: int
    frames: int
    voiced_frames: int
    pitch_p95_cents: float | None
    over_50_cents_rate: float | None
    confidence_p95: float | None


class BothScores(RecordModel):
    """The winner on the clips that chose it and on those that did not: a large gap means that it fits only the former.

    Attributes:
        calibration: On the calibration clips, on which every trial was compared.
        scoring: On the scoring clips, which only the winner ran on, once.
        gap_p95_cents: The scoring clips' `pitch_p95_cents` less the calibration clips'.
    """

    calibration: ClipScores
    scoring: ClipScores
    gap_p95_cents: float | None


class FoundRecipe(RecordModel):
    """The recipe of a trial as a file.

    Attributes:
        trial: The number of the trial.
        file: The name of the file, beside the record.
        program_sha256: The hash of its program; null unless it is the winner, whose program was built from the file.
        program_bytes: The bytes of its program.
    """

    trial: int
    file: str
    program_sha256: str | None
    program_bytes: int


class Search(RecordModel):
    """A finished search.

    Attributes:
        schema_version: The version of the schema.
        created: When it was written: UTC, ISO 8601, to the second.
        space: The name of the space.
        space_sha256: The hash of all that decides which trials there are.
        base: The recipe whose keys were varied.
        objective: smallest, fastest or both.
        metrics: The metrics of the objective.
        constraints: Metric -> limit.
        environment: The machine that wrote the record, and the library versions.
        trials: All trials in order.
        importance: Recipe key or pattern -> its share in the spread of the first objective.
        front: The numbers of the trials that no other feasible one beats; after a final only its winner.
        final: With the goal fastest, the best feasible trials as they were timed together at the end: the winner, then
            the others from fast to slow. The base recipe is timed beside them, but does not win if it exceeds a limit.
        winner: The number of the trial that won; null if no trial meets the constraints.
        why: Why it won, in words; or how near the trials came.
        recipes: The recipes of the front; the winner's comes first.
        search: The scores of the winner.
    """

    schema_version: Literal[1] = 1
    created: str
    space: str
    space_sha256: str
    base: str
    objective: Literal["smallest", "fastest", "both"]
    metrics: tuple[str, ...]
    constraints: dict[str, str]
    environment: Environment
    trials: tuple[TrialRecord, ...]
    importance: dict[str, float]
    front: tuple[int, ...]
    final: tuple[Finalist, ...] = ()
    winner: int | None
    why: tuple[str, ...]
    recipes: tuple[FoundRecipe, ...]
    search: BothScores | None
