"""Programs that keep nothing, through XNNPACK: all of the window handed over, or the network alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from workbench.errors import ProgramError
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Scope
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.session import Frames, random_sizes, run_chunks

pytestmark = pytest.mark.slow
FIXED = StreamConfig(16_000, 320, 1, 1.0)
SIZES = replace(FIXED, max_frames_per_chunk=3, mirror=0.0)
Sing = Callable[[int, float], np.ndarray]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[StreamConfig, Scope], Path]:
    made: dict[object, Path] = {}

    def program(stream: StreamConfig, scope: Scope) -> Path:
        from workbench.export.executorch import lower
        from workbench.export.host_frontend import host_file

        if (stream, scope) not in made:
            path = tmp_path_factory.mktemp("programs") / "program.pte"
            upstream = load_upstream("mir-1k_g7", stream)
            model = StreamingPesto(upstream, stream, Implementations("grouped", toeplitz="block"), "none", scope=scope)
            path.write_bytes(lower(model, "xnnpack").content)
            if scope == "network":
                path.with_suffix(".npz").write_bytes(host_file(model))
            made[stream, scope] = path
        return made[stream, scope]

    return program


Programs = Callable[[StreamConfig, Scope], Path]


@pytest.mark.parametrize(("stream", "scope"), [(SIZES, "whole"), (FIXED, "network")], ids=["stateless", "hybrid"])
def test_what_keeps_nothing_gives_eagers_frames(
    programs: Programs, stream: StreamConfig, scope: Scope, sing: Sing
) -> None:
    from workbench.runtime.open_program import open_program

    audio, other = sing(16_000, 3.0)[8_000:], sing(16_000, 1.0)
    sizes = random_sizes(stream, 1)
    eager = run_chunks(UpstreamSession(load_upstream("mir-1k_g7", stream), stream), audio, sizes)
    session = open_program(programs(stream, scope))
    assert session.stream == stream
    got = run_chunks(session, audio, sizes)
    voiced = eager.confidence >= 0.5
    assert voiced.sum() >= 20
    assert np.abs(got.pitch_semitones - eager.pitch_semitones)[voiced].max() <= 1e-3
    assert np.abs(got.confidence - eager.confidence).max() <= 1e-4
    run_chunks(session, other, sizes)
    assert_same(run_chunks(session, audio, sizes), got)  # after a reset, as fresh
    first = run_chunks(session, audio[:320])
    with pytest.raises(ProgramError, match=r"^a chunk of 321 samples; expected "):
        session.step(np.zeros(321, np.float32))
    session.reset()
    assert_same(session.step(audio[:320]), first)


def assert_same(got: Frames, expected: Frames) -> None:
    for what in ("pitch_semitones", "confidence", "volume"):
        assert_array_equal(getattr(got, what), getattr(expected, what))


def test_the_network_alone_holds_no_front_end(programs: Programs) -> None:
    size = programs(FIXED, "network").stat().st_size
    host = programs(FIXED, "network").with_suffix(".npz")
    kernels = sum(value.nbytes for name, value in np.load(host).items() if name.startswith("kernels"))
    assert kernels > 1_000_000 and size + 0.9 * kernels < programs(SIZES, "whole").stat().st_size
    host.rename(host.with_suffix(".gone"))
    from workbench.runtime.open_program import open_program

    with pytest.raises(ProgramError, match=r"the program's front end cannot be read"):
        open_program(programs(FIXED, "network"))
    host.with_suffix(".gone").rename(host)
