"""The claim of a bench about a contender: faster or slower than eager, wrong, or inconclusive."""

from dataclasses import dataclass
from typing import Literal

from workbench.measure.deviation import PitchDeviation
from workbench.measure.speed import MAX_SPREAD_RATIO, Milliseconds, speedup
from workbench.measure.spread import Spread

WRONG_FROM_CENTS = 50  # at p95; mir_eval's raw pitch accuracy counts such a pitch as wrong
MIN_VOICED_FRAMES = 100  # with fewer, a contender whose pitch is wrong could seem right
Outcome = Literal["faster", "slower", "inconclusive"]
Claim = Literal["baseline", "faster", "slower", "inconclusive", "wrong"]


class SpeedRatio(Spread):
    """How many times faster one contender is than another: the ratio of their median calls, taken in each round.

    Attributes:
        outcome: Which one is faster. Inconclusive if 1 lies between `low` and `high`, or if `high` is more than
            `MAX_SPREAD_RATIO` times `low`.
    """

    outcome: Outcome


@dataclass(frozen=True)
class SpeedClaim:
    """The claim about a contender's speed, with the reason if it is wrong or inconclusive."""

    claim: Claim
    reason: str = ""


def speed_ratio(ms: Milliseconds, reference_ms: Milliseconds) -> SpeedRatio:
    """Returns how many times faster `ms` is than `reference_ms`, (rounds, calls) each, in the same rounds."""
    ratio = speedup(ms, reference_ms)
    outcome: Outcome = "inconclusive"
    if ratio.ratio <= MAX_SPREAD_RATIO:
        if ratio.low > 1:
            outcome = "faster"
        elif ratio.high < 1:
            outcome = "slower"
    return SpeedRatio(p50=ratio.p50, low=ratio.low, high=ratio.high, outcome=outcome)


def speed_claim(over_eager: SpeedRatio | None, pitch: PitchDeviation | None, voiced_frames: int) -> SpeedClaim:
    """Returns the claim that the pitch and the speedup of a contender support.

    Args:
        over_eager: How many times faster it is than eager; None for eager itself.
        pitch: Its deviation from eager; None for eager itself.
        voiced_frames: The number of frames that `pitch` is taken from.
    """
    if over_eager is None or pitch is None:
        return SpeedClaim("baseline")
    if pitch.p95_cents is None:
        return SpeedClaim("wrong" if voiced_frames else "inconclusive", pitch.null_reasons["p95_cents"])
    if pitch.p95_cents > WRONG_FROM_CENTS:
        return SpeedClaim(
            "wrong",
            f"its pitch deviates from eager by {pitch.p95_cents:.0f} cents at p95 (limit {WRONG_FROM_CENTS}), so its "
            "speed is not meaningful",
        )
    if voiced_frames < MIN_VOICED_FRAMES:
        return SpeedClaim(
            "inconclusive",
            f"only {voiced_frames} voiced frames (at least {MIN_VOICED_FRAMES} required)",
        )
    if over_eager.outcome == "inconclusive":
        return SpeedClaim(
            "inconclusive",
            f"its speedup over eager ranges from {over_eager.low:.2f} to {over_eager.high:.2f} over the rounds",
        )
    return SpeedClaim(over_eager.outcome)
