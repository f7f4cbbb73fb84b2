"""What several test files share: a sung phrase, and one restated and lowered stream at the cheapest set-up."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from tests.helpers.models.programs import ProgramFactory
from tests.helpers.project import write_project
from workbench.audio.clip_catalog import ClipCatalog
from workbench.audio.synth import render
from workbench.audio.synth_manifest import RENDER_RATE_HZ
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.storage.cache_folder import CACHE_VARIABLE

if TYPE_CHECKING:
    from workbench.export.program_file import ExportedProgram
    from workbench.model.streaming import StreamingPesto

ROOT = Path(__file__).parent.parent
SHARED = {kind: ROOT / ".pytest_cache" / f"workbench-{kind}" for kind in ("clips", "hosts")}
"""The clips that tests rendered and the native hosts that they built, shared by all tests and kept for the next time:
each takes ten seconds."""

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads spin while they wait: on a busy machine that is slow

# torch and what needs it are imported inside the fixtures: recipes and audio are tested without.

Floats = NDArray[np.float32]
Sing = Callable[[int, float], Floats]


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache for the fixtures that several tests share. No test uses the cache of the user who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(new_cache(tmp_path_factory)))
        yield


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache for each test, so that no test uses a program that another one built."""
    folder = new_cache(tmp_path_factory)
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


def new_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a new folder with the rendered clips and the native hosts, and nothing else."""
    folder = tmp_path_factory.mktemp("cache")
    for kind, shared in SHARED.items():
        shared.mkdir(parents=True, exist_ok=True)
        (folder / kind).symlink_to(shared)
    return folder


@pytest.fixture(scope="session")
def sing() -> Sing:
    """(sample_rate_hz, seconds) -> (n,) float32: the start of the tenor phrase."""
    manifest = ClipCatalog(ROOT / "calib_audio").manifest
    phrase = render(next(entry for entry in manifest.score if entry.name == "phrase-tenor")).samples

    def sung(sample_rate_hz: int, seconds: float) -> Floats:
        samples = soxr.resample(phrase, RENDER_RATE_HZ, sample_rate_hz, quality="VHQ")
        return np.asarray(samples[: round(seconds * sample_rate_hz)], np.float32)

    return sung


@pytest.fixture(scope="session")
def stream() -> StreamConfig:
    """The cheapest stream: 16 kHz, one 20 ms frame a call, lowest latency."""
    return StreamConfig(16_000, 320, 1, 1.0)


@pytest.fixture(scope="session")
def restated(stream: StreamConfig) -> "StreamingPesto":
    from workbench.model.streaming import StreamingPesto
    from workbench.model.upstream import load_upstream

    return StreamingPesto(load_upstream("mir-1k_g7", stream), stream)


@pytest.fixture(scope="session")
def lowered(restated: "StreamingPesto") -> "ExportedProgram":
    """Takes about ten seconds: for slow tests."""
    from workbench.export.executorch import lower

    return lower(restated, "xnnpack")


@pytest.fixture(scope="session")
def program_for(tmp_path_factory: pytest.TempPathFactory) -> ProgramFactory:
    """Programs by stream, state and implementations, each lowered once per test run: for slow tests."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    return ProgramFactory(shared / "programs")


@pytest.fixture(scope="session")
def program(program_for: ProgramFactory, stream: StreamConfig) -> Path:
    """The `.pte` of the cheapest stream in upstream's implementations."""
    return program_for(stream, implementations=Implementations())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one recipe, `least.yaml`, and two short clips, as the current folder."""
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path)
