"""Records of every kind: those that docs/ keeps, and a run made from them."""

from pathlib import Path

import pytest

from tests.helpers.records.report_run import make_run
from workbench.records.bench import Bench
from workbench.records.profile import Profile, read_profile

RECORDS = Path(__file__).parent.parent.parent / "docs" / "records"


@pytest.fixture(scope="session")
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
