"""What every session promises, whatever runs behind it: one contract for upstream, the restatement and each format."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.frames import arrays_of, assert_near, assert_same
from tests.helpers.models.programs import ProgramFactory
from tests.helpers.sessions import RestatedSession
from workbench.errors import ProgramError
from workbench.extras import ONNX
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Backend, Scope, State
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.open_program import open_program
from workbench.runtime.session import Frames, Session, chunks, concat_frames, random_sizes, run_chunks, run_clips

Sing = Callable[[int, float], np.ndarray]
Open = Callable[[StreamConfig, ProgramFactory], Session]

FIXED = StreamConfig(16_000, 320, 1, 1.0)
SIZES = replace(FIXED, max_frames_per_chunk=4)
UNMIRRORED = replace(SIZES, mirror=0.0)
IMPLEMENTATIONS = Implementations("grouped", "fourier", "block")


def upstream(stream: StreamConfig, _: ProgramFactory | None = None) -> Session:
    return UpstreamSession(load_upstream("mir-1k_g7", stream), stream)


def restated(stream: StreamConfig, _: ProgramFactory) -> Session:
    return RestatedSession(StreamingPesto(load_upstream("mir-1k_g7", stream), stream, IMPLEMENTATIONS))


def program(backend: Backend, state: State, scope: Scope = "whole") -> Open:
    return lambda stream, programs: open_program(programs(stream, state, scope=scope, backend=backend))


class Kind(NamedTuple):
    """A kind of session, and the frames of its successive calls if it takes calls of several sizes."""

    open: Open
    stream: StreamConfig = FIXED
    sizes: tuple[int, ...] | None = None


DYNAMIC = (SIZES, (2, 1, 4))
NO_ONNX = pytest.mark.skipif(bool(ONNX.missing_hint()), reason=ONNX.missing_hint())
DYNAMIC_KINDS = [
    pytest.param(Kind(upstream, *DYNAMIC), id="upstream"),
    pytest.param(Kind(restated, *DYNAMIC), id="restated"),
    pytest.param(Kind(program("xnnpack", "internal"), *DYNAMIC), id="pte-internal", marks=pytest.mark.slow),
    pytest.param(Kind(program("xnnpack", "explicit"), *DYNAMIC), id="pte-explicit", marks=pytest.mark.slow),
    pytest.param(Kind(program("xnnpack", "none"), *DYNAMIC), id="pte-none", marks=pytest.mark.slow),
]
KINDS = [
    *DYNAMIC_KINDS,
    pytest.param(Kind(program("xnnpack", "none", "network")), id="pte-network", marks=pytest.mark.slow),
    pytest.param(Kind(program("onnx", "explicit")), id="onnx-explicit", marks=NO_ONNX),
    pytest.param(Kind(program("onnx", "none")), id="onnx-none", marks=[NO_ONNX, pytest.mark.slow]),
    pytest.param(Kind(program("onnx", "none", "network")), id="onnx-network", marks=[NO_ONNX, pytest.mark.slow]),
    pytest.param(Kind(program("torchscript", "internal")), id="torchscript"),
]


def phrases(sing: Sing, seconds: float = 1.0) -> np.ndarray:
    """(3, n): three stretches of the phrase."""
    song, length = sing(16_000, 4.0), int(16_000 * seconds)
    return np.stack([song[begin : begin + length] for begin in (8_000, 20_000, 40_000)])


def steps(session: Session, cut: Sequence[np.ndarray]) -> Frames:
    """The frames of successive chunks, without a reset."""
    return concat_frames([session.step(chunk) for chunk in cut])


@pytest.mark.parametrize("kind", KINDS)
class TestSessionContract:
    def test_sessions_share_no_state(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        songs = phrases(sing)[:2]
        expected = [run_chunks(kind.open(kind.stream, program_for), song, kind.sizes) for song in songs]
        sessions = [kind.open(kind.stream, program_for) for _ in songs]
        cuts = [list(chunks(song, kind.stream, kind.sizes)) for song in songs]
        calls = zip(*cuts, strict=True)
        interleaved = [[session.step(chunk) for session, chunk in zip(sessions, call, strict=True)] for call in calls]
        for session, cut, fresh in zip(sessions, cuts, expected, strict=True):
            assert session.stream == kind.stream
            assert not np.array_equal(steps(session, cut).volume, fresh.volume)
            session.reset()
        with ThreadPoolExecutor(2) as pool:
            threaded = list(pool.map(steps, sessions, cuts))
        for index in range(2):
            assert_same(concat_frames([frames[index] for frames in interleaved]), expected[index])
            assert_same(threaded[index], expected[index])

    def test_frames_match_upstream(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        samples = sing(16_000, 2.5)[16_000:]
        session, baseline = kind.open(kind.stream, program_for), upstream(kind.stream)
        for sizes in ([1], [2], [3], [4], random_sizes(SIZES, 3)) if kind.sizes else [[1]]:
            actual = run_chunks(session, samples, sizes)
            assert_near(actual, run_chunks(baseline, samples, sizes))
            in_rows = run_chunks(session, samples[None].astype(np.float64), sizes)
            assert_same(in_rows.of_stream(0, len(actual)), actual)

    def test_frames_are_copies_and_chunks_unchanged(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        stream = replace(kind.stream, streams=3)
        session, song = kind.open(stream, program_for), phrases(sing, 0.4)
        song.setflags(write=False)  # as clips are
        kept = [session.step(chunk) for chunk in chunks(song, stream, kind.sizes)]
        copies = deepcopy(kept)
        loud = np.ones((3, stream.chunk_samples), np.float32)
        session.step(loud)
        session.reset()
        assert (loud == 1).all()
        for frames, copy in zip(kept, copies, strict=True):
            assert_same(frames, copy)
            for array in arrays_of(frames):
                assert array.flags.owndata and array.dtype == np.float32 and array.shape[0] == 3

    def test_streams_are_independent(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        song = sing(16_000, 4.0)
        ranges = (
            (8_000, 24_321),
            (30_000, 44_000),
            (12_000, 32_000),
            (20_000, 30_000),
        )  # the fourth runs after the others
        clips = [song[begin:end] for begin, end in ranges]
        session, baseline = kind.open(replace(kind.stream, streams=3), program_for), upstream(kind.stream)
        together = run_clips(session, clips, kind.sizes)
        for frames, clip in zip(together, clips, strict=True):
            assert_near(frames, run_chunks(baseline, clip, kind.sizes))
        noise = np.random.default_rng(1).standard_normal(20_000).astype(np.float32)
        _, beside_noise = run_clips(session, [noise, clips[1]], kind.sizes)  # the third stream has the noise again
        assert_same(beside_noise, together[1])

    def test_refusal_and_reset_leave_other_streams(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        stream, songs = replace(kind.stream, streams=3), phrases(sing)
        cut = list(chunks(songs, stream))
        session = kind.open(stream, program_for)
        fresh = run_chunks(session, songs)
        session.reset()
        before = steps(session, cut[:10])
        ones = [np.ones(shape, np.float32) for shape in ((320,), (2, 320), (3, 319), (3, 1600))]
        for chunk in (*ones, np.ones((3, 320), np.int16)):
            with pytest.raises(ProgramError, match="chunk: expected"):
                session.step(chunk)
        for index in (3, -1):
            with pytest.raises(ProgramError, match=f"got {index}"):
                session.reset(index)
        session.reset(1)
        after = steps(session, [np.stack([old[0], new[1], old[2]]) for old, new in zip(cut[10:], cut, strict=False)])
        whole = concat_frames([before, after])
        for index, frames in ((0, whole), (1, after), (2, whole)):
            assert_same(frames.of_stream(index, len(frames)), fresh.of_stream(index, len(frames)))


@pytest.mark.parametrize("kind", DYNAMIC_KINDS)
def test_chunking_changes_only_frames_beside_the_mirror(kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
    samples = sing(16_000, 2.5)[16_000:]
    unmirrored, mirrored = kind.open(UNMIRRORED, program_for), kind.open(SIZES, program_for)
    whole = run_chunks(unmirrored, samples, [4])
    assert_near(whole, run_chunks(unmirrored, samples, [1]))
    assert_near(whole, run_chunks(upstream(UNMIRRORED), samples, [4]))
    assert [each.depends_on_chunking for each in (SIZES, FIXED, UNMIRRORED)] == [True, False, False]
    volumes = [run_chunks(mirrored, samples, sizes).volume for sizes in ([4], [1])]
    difference = np.abs(volumes[0] / volumes[1] - 1)[: len(volumes[1]) // 4 * 4]
    assert difference[3::4].max() <= 1e-5  # zeros follow the last frame of a call in both cases
    assert difference.max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[4], [1, 2]])  # torch would make the constant 2 of the range 1 to 2
def test_program_of_few_sizes_matches_upstream(sizes: list[int], program_for: ProgramFactory, sing: Sing) -> None:
    largest = sizes[-1] if len(sizes) > 1 else None
    stream = replace(FIXED, frames_per_chunk=sizes[0], max_frames_per_chunk=largest)
    song, session = sing(16_000, 2.0), open_program(program_for(stream))
    assert_near(run_chunks(session, song, sizes), run_chunks(upstream(stream), song, sizes))
    with pytest.raises(ProgramError, match="got 1600 samples"):
        session.step(song[:1600])


@pytest.mark.slow
def test_state_and_outputs_change_no_bit_of_a_frame(program_for: ProgramFactory, sing: Sing) -> None:
    samples, sizes = sing(16_000, 2.5)[16_000:], random_sizes(SIZES, 4)
    expected = run_chunks(open_program(program_for(SIZES)), samples, sizes)
    for state in ("internal", "explicit"):
        whole, partial = program_for(SIZES, state), program_for(SIZES, state, outputs=("pitch",))
        assert_same(run_chunks(open_program(whole), samples, sizes), expected)
        actual = run_chunks(open_program(partial), samples, sizes)
        assert_array_equal(actual.pitch_semitones, expected.pitch_semitones)
        assert (expected.absent, actual.absent) == ((), ("confidence", "volume"))
        assert np.isnan(actual.confidence).all() and np.isnan(actual.volume).all()
        assert partial.stat().st_size < whole.stat().st_size
