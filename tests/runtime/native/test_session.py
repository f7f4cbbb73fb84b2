"""The native host returns what the session in Python returns, bit for bit, and its failures are errors of one line."""

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Sing
from tests.helpers.programs import ProgramFactory
from workbench.errors import NativeHostError, WorkbenchError
from workbench.recipe.options import State
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.native.build import native_host
from workbench.runtime.native.session import NativeSession
from workbench.runtime.session import Frames, chunks, random_sizes, run_chunks

pytestmark = pytest.mark.slow
ONE_FRAME = StreamConfig(16_000, 320, 1, 1.0)
SEVERAL_SIZES = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4, streams=3)


@pytest.fixture(scope="module")
def host() -> Path:
    from workbench.storage.cache_folder import cache_folder

    try:
        return native_host(cache_folder("hosts"))
    except NativeHostError as error:
        pytest.skip(str(error))


def bits(frames: Frames) -> list[bytes]:
    return [array.tobytes() for array in (frames.pitch_semitones, frames.confidence, frames.volume)]


@pytest.mark.parametrize(
    ("stream", "state"),
    [(ONE_FRAME, "internal"), (ONE_FRAME, "explicit"), (SEVERAL_SIZES, "internal"), (SEVERAL_SIZES, "explicit")],
    ids=["internal", "explicit", "sizes and streams", "sizes and streams, explicit"],
)
def test_native_frames_equal_those_of_python(
    host: Path, program_for: ProgramFactory, sing: Sing, stream: StreamConfig, state: State
) -> None:
    from workbench.runtime.executorch import PteSession

    program, voice = program_for(stream, state), sing(16_000, 1.0)
    audio = voice if stream.streams == 1 else np.stack([np.roll(voice, 4000 * lane) for lane in range(stream.streams)])
    sizes = random_sizes(stream, 1) if stream.dynamic else None
    last = list(chunks(audio, stream))[20]
    with NativeSession(host, program) as native:
        python = PteSession(program)
        assert native.metadata == python.metadata
        expected = run_chunks(python, audio, sizes)
        assert bits(run_chunks(native, audio, sizes)) == bits(expected) and np.ptp(expected.pitch_semitones) > 1
        for session in (native, python):
            session.reset(stream.streams - 1)  # the other streams keep their state
        assert bits(native.step(last)) == bits(python.step(last))
        native.load_calls([np.atleast_2d(last)])
        native.time(0, 2)
        assert native.time(0, 20).min() > 0
        allocations, peak_bytes = native.counters()
        assert allocations in (0, None) and (peak_bytes is None or 1e6 < peak_bytes < 1e8)


def test_host_ends_or_refuses_in_one_line(host: Path, program: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pte"
    for content in (b"", b"not a program", program.read_bytes()[:5000]):
        broken.write_bytes(content)
        with pytest.raises(WorkbenchError, match=r"broken\.pte|ended") as caught:
            NativeSession(host, broken)
        assert "\n" not in str(caught.value)
    with NativeSession(host, program) as session:
        session.reset()
        session._process.kill()
        with pytest.raises(NativeHostError, match="ended"):
            session.step(np.zeros(320, np.float32))


def test_trace_has_nanoseconds_of_each_operator(program_for: ProgramFactory, sing: Sing, host: Path) -> None:
    from workbench.runtime.native.build import PROFILER
    from workbench.storage.cache_folder import cache_folder

    program = program_for(ONE_FRAME, "internal")
    calls = [np.atleast_2d(call) for call in list(chunks(sing(16_000, 1.0), ONE_FRAME))[:30]]
    with NativeSession(native_host(cache_folder("hosts"), PROFILER), program) as native:
        native.load_calls(calls)
        traces = native.trace(0, 10)
        assert native.trace(0, 1).names == traces.names
        assert native.time(0, 10).max() < 1e6, "the clock is the usual one again"
    durations_us = traces.ends_us - traces.starts_us
    operators = [index for index, name in enumerate(traces.names) if "#" in name]  # XNNPACK numbers its operators
    assert len(operators) > 100 and durations_us.min() >= 0
    assert (durations_us[:, operators].sum(1) < traces.calls_us).all()
    whole_us = durations_us[:, operators] % 1 == 0
    assert whole_us.mean() < 0.1, "XNNPACK's own clock has whole microseconds"
    with NativeSession(host, program) as native, pytest.raises(WorkbenchError, match="an unknown request"):
        native.trace(0, 1)
