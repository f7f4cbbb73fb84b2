"""Records of every kind: those that docs/ keeps, and a soak made from them."""

from pathlib import Path

import pytest

from tests.helpers.report_run import make_run
from tests.helpers.results import stored, without_pitch
from workbench.measure.soak import SoakSegment
from workbench.records.bench import Bench
from workbench.records.profile import Profile, read_profile
from workbench.records.soak import Soak

RECORDS = Path(__file__).parent.parent.parent / "docs" / "records"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four variants as it is on disk; see `make_run`."""
    folder = tmp_path_factory.mktemp("outputs") / "a run"
    make_run(folder)
    return folder


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench.model_validate_json((RECORDS / "bench.json").read_bytes())


@pytest.fixture(scope="session")
def profile() -> Profile:
    profile = read_profile(RECORDS / "profiles" / "int8-mixed.json")
    assert profile is not None
    return profile


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
    unvoiced = without_pitch(result.deviation).pitch
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
