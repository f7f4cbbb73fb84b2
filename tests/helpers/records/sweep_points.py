"""Sweeps and their points from the stored results of docs/records/measured."""

from tests.helpers.records.results import stored, without_scores
from workbench.measure.tones.delay import Delay, StepDelay
from workbench.measure.tones.steadiness import PitchErrors, SideSteadiness, Steadiness
from workbench.records.sweep import Sweep, SweepPoint, SweepSetting
from workbench.runtime.state_protocol import protocol_of

DELAY = StepDelay(delay_ms=40.0, shortest_ms=35.0, longest_ms=45.5, followed=16, steps=16)
NO_DELAY_REASON = "the pitch follows 3 of 16 steps"
_ERRORS = PitchErrors(frames=100, std_cents=2.0, p95_cents=16.0, bias_cents=-1.0, over_50_cents_rate=0.01)
_SIDE = SideSteadiness(tones=_ERRORS, glides=_ERRORS)
STEADINESS = Steadiness(baseline=_SIDE, variant=_SIDE)
_NO_DELAY = dict.fromkeys(("delay_ms", "shortest_ms", "longest_ms"))
NO_DELAY = StepDelay(**_NO_DELAY, followed=3, steps=16, null_reasons=dict.fromkeys(_NO_DELAY, NO_DELAY_REASON))


def setting(chunk: int = 960, mirror: float = 1.0, rate: int = 48_000) -> SweepSetting:
    return SweepSetting(sample_rate_hz=rate, chunk_samples=chunk, mirror=mirror)


def measured_point(chunk: int = 960, mirror: float = 1.0, rate: int = 48_000, delay: StepDelay = DELAY) -> SweepPoint:
    """A point with the metrics of float-xnnpack; `delay` is the variant's."""
    measured = {"delay": Delay(baseline=DELAY, variant=delay), "steadiness": STEADINESS}
    return SweepPoint.measured(setting(chunk, mirror, rate), stored().replace(**measured))


def failed_point(chunk: int = 960, mirror: float = 1.0, rate: int = 48_000) -> SweepPoint:
    """A point without a program."""
    result = stored("int8-naive")
    return SweepPoint.failed(setting(chunk, mirror, rate), result, result.null_reasons["program"])


def unsupported_point(chunk: int = 960, mirror: float = 1.0, rate: int = 48_000) -> SweepPoint:
    """A point whose program this machine cannot run."""
    return SweepPoint.not_run(setting(chunk, mirror, rate), without_scores(stored(), "no such backend"))


def sweep_of(*points: SweepPoint, protocol: str = "continuous") -> Sweep:
    result = stored()
    return Sweep(
        created=result.created,
        recipe=result.recipe,
        protocol=protocol_of(protocol),
        environment=result.environment,
        clips=("sung/a",),
        points=points,
    )
