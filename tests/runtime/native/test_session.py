"""The native host returns what the session in Python returns, bit for bit, and its failures are errors of one line."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Sing
from tests.helpers.models.programs import ProgramFactory
from tools.fuzz.broken_programs import cut, flipped
from workbench.errors import NativeHostError, ProgramError
from workbench.recipe.options import State
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.native.build import native_host
from workbench.runtime.native.session import NativeSession
from workbench.runtime.session import Frames, chunks, random_sizes, run_chunks

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


@pytest.mark.slow
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
        assert bits(native.step(last)) == bits(python.step(last)) and native.last_call_us > 0
        native.load_calls([np.atleast_2d(last)])
        native.time(0, 2)
        assert native.time(0, 20).min() > 0
        allocations, peak_bytes = native.counters()
        assert allocations in (0, None) and (peak_bytes is None or 1e6 < peak_bytes < 1e8)


@pytest.mark.slow
def test_damaged_program_is_refused_or_ends_the_host(host: Path, program: Path, tmp_path: Path) -> None:
    """A flipped byte may also be one of a weight, which nothing can detect."""
    broken, whole = tmp_path / "broken.pte", program.read_bytes()
    damaged = [*cut(whole, len(whole) // 8), ("text", b"not a program\n" * 1000), *flipped(whole, 40, 0)]
    refused = 0
    for title, content in damaged:
        broken.write_bytes(content)
        try:
            with NativeSession(host, broken, limit_s=20) as session:
                session.step(np.zeros((session.stream.streams, session.stream.chunk_samples), np.float32))
            assert "^" in title
        except (ProgramError, NativeHostError) as error:
            assert "\n" not in str(error) and str(error).startswith((str(broken), "the ")), (title, error)
            refused += 1
    assert refused > len(damaged) // 4
    with pytest.raises(ProgramError, match="is a folder; name the file"):
        NativeSession(host, tmp_path)


@pytest.mark.slow
def test_killed_host_is_named_with_its_signal(host: Path, program: Path) -> None:
    with NativeSession(host, program) as session:
        session.reset()
        os.kill(session.pid, signal.SIGKILL)
        with pytest.raises(NativeHostError, match="ended with SIGKILL"):
            session.step(np.zeros(320, np.float32))


@pytest.mark.slow
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
    with NativeSession(host, program) as native, pytest.raises(ProgramError, match="an unknown request"):
        native.trace(0, 1)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("#!/bin/sh\nexec sleep 60\n", "p.pte: the native host did not reply within 0.1 s and was ended"),
        ("#!/bin/sh\necho too little memory >&2\nexit 3\n", "exit code 3 (last stderr line: too little memory)"),
        ("#!/bin/sh\nkill -s SEGV $$\n", "p.pte: the native host ended with SIGSEGV"),
        ("\x7fELF damaged", "host: the native host cannot be started (Exec format error)"),
    ],
    ids=["hangs", "ends", "crashes", "damaged"],
)
def test_faulty_host_is_one_line(host: str, message: str, tmp_path: Path) -> None:
    path, program = tmp_path / "host", tmp_path / "p.pte"
    for file, content in ((path, host), (program, "")):
        file.write_text(content)
    path.chmod(0o755)
    with pytest.raises(NativeHostError) as caught:
        NativeSession(path, program, limit_s=0.1 if "sleep" in host else 60)
    assert message in str(caught.value) and "\n" not in str(caught.value)
