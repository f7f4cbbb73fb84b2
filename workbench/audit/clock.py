"""The clock by which speeds are compared: that of the native host, or that of the Python session.

The native host leaves out what Python adds to a call, so its figures are those of an app. Figures of the two clocks are
never compared with each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.measure.native_speed import NativeSpeed
from workbench.measure.spread import Spread
from workbench.records.result import Result

Clock = Literal["native", "session"]


@dataclass(frozen=True)
class CommonClock:
    """A clock that all compared results have. `reason` is why it is not the native host's, "" if it is."""

    clock: Clock
    reason: str = ""


def common_clock(results: Mapping[str, Result]) -> CommonClock:
    """Returns the clock of the native host if every result that was timed has it, and else that of the session.

    Args:
        results: the results to be compared, by name. Those that were not timed do not count.
    """
    lacking = {name: reason for name, result in results.items() if result.speed and (reason := no_native(result))}
    if not lacking:
        return CommonClock("native") if any(result.speed for result in results.values()) else CommonClock("session")
    name, reason = next(iter(lacking.items()))
    others = f" and {len(lacking) - 1} more have" if len(lacking) > 1 else " has"
    return CommonClock("session", f"{name}{others} no native speed: {reason}")


def native_speed(result: Result) -> NativeSpeed | None:
    """Returns the speed in the native host; None if the result does not have it."""
    return result.speed.native if result.speed else None


def no_native(result: Result) -> str:
    """Returns why a result has no speed in the native host; "" if it has one."""
    if result.speed is None:
        return result.null_reasons["speed"]
    return "" if result.speed.native else result.speed.null_reasons["native"]


def speedup_by(clock: Clock, result: Result) -> Spread | None:
    """Returns how many times faster the variant is than the baseline by a clock; None if it is not known."""
    timed = native_speed(result) if clock == "native" else result.speed
    return timed.speedup if timed else None


def p50_us_by(clock: Clock, result: Result) -> float | None:
    """Returns the variant's median call in microseconds by a clock; None if the result does not have it."""
    if clock == "native":
        native = native_speed(result)
        return native.p50_us if native else None
    return 1000 * result.speed.variant.p50_ms if result.speed else None
