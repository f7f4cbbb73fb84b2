"""Records of every kind: those that docs/ keeps, and a sweep and a soak made from them."""

from pathlib import Path

import pytest

from tests.helpers.report_run import make_run
from tests.helpers.results import stored
from workbench.measure.delay import StepDelay
from workbench.measure.soak import SoakSegment
from workbench.records.bench import Bench
from workbench.records.profile import Profile, read_profile
from workbench.records.soak import Soak
from workbench.records.sweep import Sweep, SweepPoint, SweepSetting
from workbench.runtime.state_protocol import protocol_of

DOCS = Path(__file__).parent.parent.parent / "docs"
DELAY = StepDelay(delay_ms=40.0, shortest_ms=35.0, longest_ms=45.5, followed=16, steps=16)
NO_DELAY_REASON = "the pitch follows 3 of 16 steps"
_NO_DELAY = dict.fromkeys(("delay_ms", "shortest_ms", "longest_ms"))
NO_DELAY = StepDelay(**_NO_DELAY, followed=3, steps=16, null_reasons=dict.fromkeys(_NO_DELAY, NO_DELAY_REASON))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four variants as it is on disk; see `make_run`."""
    folder = tmp_path_factory.mktemp("outputs") / "a run"
    make_run(folder)
    return folder


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench.model_validate_json((DOCS / "bench.json").read_bytes())


@pytest.fixture(scope="session")
def profile() -> Profile:
    profile = read_profile(DOCS / "profiles" / "int8-mixed.json")
    assert profile is not None
    return profile


def setting(chunk: int = 960, mirror: float = 1.0, rate: int = 48_000) -> SweepSetting:
    return SweepSetting(sample_rate_hz=rate, chunk_samples=chunk, mirror=mirror)


def measured_point(chunk: int = 960, mirror: float = 1.0, rate: int = 48_000, delay: StepDelay = DELAY) -> SweepPoint:
    """A point with the figures of docs/measured/float-xnnpack.json; `delay` is the variant's."""
    return SweepPoint.measured(setting(chunk, mirror, rate), stored(), {"baseline": DELAY, "variant": delay})


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


@pytest.fixture
def soak() -> Soak:
    """Two segments; in the second one no frame is voiced."""
    result = stored()
    assert result.program and result.deviation
    segment = SoakSegment(
        until_s=1800.4,
        frames=90_000,
        voiced_frames=20_000,
        nonfinite_frames=0,
        baseline_nonfinite_frames=0,
        pitch=result.deviation.pitch,
        confidence_max=0.1,
        variant_p50_ms=1.234,
        variant_p95_ms=2.345,
        real_time_factor=0.06,
        resident_bytes=512_300_000,
    )
    figures = [name for name, value in result.deviation.pitch if isinstance(value, float)]
    unvoiced = result.deviation.pitch.model_copy(
        update=dict.fromkeys(figures) | {"null_reasons": dict.fromkeys(figures, "no frame is voiced")}
    )
    return Soak(
        created=result.created,
        recipe=result.recipe,
        environment=result.environment,
        program=result.program,
        clips=("sung/a",),
        hours=1,
        took_s=222.2,
        stretches=(segment, segment.model_copy(update={"until_s": 3600.0, "voiced_frames": 0, "pitch": unvoiced})),
        verdict="fail",
        reasons=("memory grew by [10%]",),
    )
