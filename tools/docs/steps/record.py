"""The record of the steps, `docs/records/steps.json`."""

from typing import Any, Literal

from tools.docs.stored import RECORDS
from workbench.measure.deviation import Deviation
from workbench.measure.spread import Spread
from workbench.record_model import RecordModel
from workbench.records.environment import Environment

RECORD = RECORDS / "steps.json"
NOT_TIMED = "not timed yet"

Study = Literal["single", "together", "exact"]


class ClipFigures(RecordModel):
    """The deviation of a program from upstream PESTO over some clips.

    Attributes:
        clips: The number of clips.
        frames: Their frames.
        voiced_frames: The frames in which the pitch is compared.
        p95_cents: The 95th percentile of the deviation of the pitch.
        over_50_cents: The voiced frames that are more than 50 cents off.
        confidence_p95: The 95th percentile of the difference of the confidence.
    """

    clips: int
    frames: int
    voiced_frames: int
    p95_cents: float | None
    over_50_cents: int | None
    confidence_p95: float | None

    @classmethod
    def of(cls, found: Deviation) -> "ClipFigures":
        """Returns the figures of a deviation."""
        rate = found.pitch.over_50_cents_rate
        nulls = {"p95_cents": found.pitch.null_reasons, "confidence_p95": found.confidence.null_reasons}
        reasons = {name: next(iter(given.values())) for name, given in nulls.items() if given}
        if rate is None:
            reasons["over_50_cents"] = reasons["p95_cents"]
        return cls(
            clips=len(found.clips),
            frames=found.frames,
            voiced_frames=found.voiced_frames,
            p95_cents=found.pitch.p95_cents,
            over_50_cents=None if rate is None else round(rate * found.voiced_frames),
            confidence_p95=found.confidence.p95,
            null_reasons=reasons,
        )


class FromBase(RecordModel):
    """How far a program is from the program that the step starts from, on the scored clips.

    Attributes:
        p95_cents: The 95th percentile of the difference of the pitch, over the voiced frames.
        max_cents: The largest one.
        max_confidence: The largest difference of the confidence, over all frames.
    """

    p95_cents: float | None
    max_cents: float | None
    max_confidence: float | None


class NativeTimes(RecordModel):
    """The times of a program in the native host, in alternating rounds with the program that the step starts from.

    Attributes:
        p50_us: The median call.
        base_p50_us: The median call of the other program, in the same rounds.
        times_faster: Its median call / the median call of this one, over the rounds.
    """

    p50_us: float
    base_p50_us: float
    times_faster: Spread


class Step(RecordModel):
    """A program of one study.

    Attributes:
        study: `single`: one step on top of int8-mixed as it was. `together`: this step and all before it. `exact`: one
            step on top of float-xnnpack as it was.
        name: The step; `base` is the program without one.
        recipe: The name of its recipe.
        keys: The recipe keys that it sets.
        fingerprint: The hash of everything that the figures depend on.
        sha256: The hash of the program.
        bytes: Its size.
        operators: The operators inside delegates that the runtime reports for a call.
        calibrate: The deviation on the clips that calibrate.
        score: The deviation on the clips that score.
        from_base: The difference to the program without the step.
        native: The times.
    """

    study: Study
    name: str
    recipe: str
    keys: dict[str, Any]
    fingerprint: str
    sha256: str
    bytes: int
    operators: int
    calibrate: ClipFigures
    score: ClipFigures
    from_base: FromBase
    native: NativeTimes | None


class Steps(RecordModel):
    """All steps, in the order of the tables.

    Attributes:
        created: When the last one was measured.
        environment: The machine and the libraries.
        timed: When they were timed; "" if they were not.
        rounds: The rounds of a timing.
        calls_per_round: The calls of each side in a round.
        steps: The steps.
    """

    created: str
    environment: Environment
    timed: str = ""
    rounds: int
    calls_per_round: int
    steps: tuple[Step, ...]


def read() -> Steps | None:
    """Returns the stored record, None if there is none."""
    return Steps.model_validate_json(RECORD.read_bytes()) if RECORD.is_file() else None
