"""What every session promises, whatever runs behind it: one contract for upstream, the restatement and each format."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.frames import arrays_of, assert_near, assert_same, copy_of
from tests.helpers.programs import ProgramFactory
from tests.helpers.sessions import RestatedSession
from workbench.errors import ProgramError
from workbench.export.onnx import ONNX_EXTRA
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
    def open_one(stream: StreamConfig, programs: ProgramFactory) -> Session:
        return open_program(programs(stream, state, scope=scope, backend=backend))

    return open_one


@dataclass(frozen=True)
class Kind:
    """A kind of session; `dynamic` if one session takes calls of several sizes."""

    open: Open
    dynamic: bool = False

    @property
    def stream(self) -> StreamConfig:
        return SIZES if self.dynamic else FIXED

    @property
    def sizes(self) -> list[int] | None:
        return [2, 1, 4] if self.dynamic else None


NO_ONNX = pytest.mark.skipif(bool(ONNX_EXTRA.missing_hint()), reason=ONNX_EXTRA.missing_hint())
KINDS = [
    pytest.param(Kind(upstream, dynamic=True), id="upstream"),
    pytest.param(Kind(restated, dynamic=True), id="restated"),
    pytest.param(Kind(program("xnnpack", "internal"), dynamic=True), id="pte-internal", marks=pytest.mark.slow),
    pytest.param(Kind(program("xnnpack", "explicit"), dynamic=True), id="pte-explicit", marks=pytest.mark.slow),
    pytest.param(Kind(program("xnnpack", "none"), dynamic=True), id="pte-none", marks=pytest.mark.slow),
    pytest.param(Kind(program("xnnpack", "none", "network")), id="pte-network", marks=pytest.mark.slow),
    pytest.param(Kind(program("onnx", "explicit")), id="onnx-explicit", marks=NO_ONNX),
    pytest.param(Kind(program("onnx", "none")), id="onnx-none", marks=[NO_ONNX, pytest.mark.slow]),
    pytest.param(Kind(program("onnx", "none", "network")), id="onnx-network", marks=[NO_ONNX, pytest.mark.slow]),
    pytest.param(Kind(program("torchscript", "internal")), id="torchscript"),
]
DYNAMIC_KINDS = [kind for kind in KINDS if kind.values[0].dynamic]  # type: ignore[union-attr]


def phrases(sing: Sing, seconds: float = 1.0) -> np.ndarray:
    """(3, n): three stretches of the phrase."""
    song, length = sing(16_000, 4.0), int(16_000 * seconds)
    return np.stack([song[begin : begin + length] for begin in (8_000, 20_000, 40_000)])


@pytest.mark.parametrize("kind", KINDS)
class TestSessionContract:
    def test_reset_equals_a_fresh_session(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        samples, other, _ = phrases(sing)
        fresh = run_chunks(kind.open(kind.stream, program_for), samples, kind.sizes)
        session = kind.open(kind.stream, program_for)
        assert session.stream == kind.stream
        run_chunks(session, other, kind.sizes)
        cut = list(chunks(samples, kind.stream, kind.sizes))
        continued = concat_frames([session.step(chunk) for chunk in cut])
        assert not np.array_equal(continued.volume, fresh.volume)
        session.reset()
        assert_same(concat_frames([session.step(chunk) for chunk in cut]), fresh)

    @pytest.mark.parametrize("threads", [False, True], ids=["interleaved", "threads"])
    def test_sessions_share_no_state(self, kind: Kind, threads: bool, program_for: ProgramFactory, sing: Sing) -> None:
        songs = phrases(sing)[:2]
        solo = [run_chunks(kind.open(kind.stream, program_for), song, kind.sizes) for song in songs]
        sessions = [kind.open(kind.stream, program_for) for _ in songs]
        cuts = [list(chunks(song, kind.stream, kind.sizes)) for song in songs]

        def run(index: int) -> list[Frames]:
            return [sessions[index].step(chunk) for chunk in cuts[index]]

        if threads:
            with ThreadPoolExecutor(2) as pool:
                frames = list(pool.map(run, range(2)))
        else:
            calls = zip(*cuts, strict=True)
            steps = [[session.step(chunk) for session, chunk in zip(sessions, call, strict=True)] for call in calls]
            frames = list(zip(*steps, strict=True))
        for actual, expected in zip(frames, solo, strict=True):
            assert_same(concat_frames(actual), expected)

    def test_frames_match_upstream(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        samples = sing(16_000, 2.5)[16_000:]
        session, baseline = kind.open(kind.stream, program_for), upstream(kind.stream)
        for sizes in ([1], [2], [3], [4], random_sizes(SIZES, 3)) if kind.dynamic else [[1]]:
            assert_near(run_chunks(session, samples, sizes), run_chunks(baseline, samples, sizes))

    def test_frames_are_copies_and_chunks_unchanged(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        stream = replace(kind.stream, streams=3)
        session, song = kind.open(stream, program_for), phrases(sing, 0.4)
        song.setflags(write=False)  # as clips are
        kept = [session.step(chunk) for chunk in chunks(song, stream, kind.sizes)]
        copies = [copy_of(frames) for frames in kept]
        loud = np.ones((3, stream.chunk_samples), np.float32)
        session.step(loud)
        session.reset()
        assert (loud == 1).all()
        for frames, copy in zip(kept, copies, strict=True):
            assert_same(frames, copy)
            for array in arrays_of(frames):
                assert array.flags.owndata and array.dtype == np.float32 and array.shape[0] == 3

    def test_streams_are_independent(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        stream = replace(kind.stream, streams=3)
        songs = phrases(sing)
        songs = np.concatenate([songs, songs[::-1]], 1)[:, :20_000]
        session, baseline = kind.open(stream, program_for), upstream(kind.stream)
        together = run_chunks(session, songs, kind.sizes)
        for index, song in enumerate(songs):
            assert_near(together.of_stream(index, 1_000), run_chunks(baseline, song, kind.sizes))
        loud = songs.copy()
        loud[[0, 2]] = np.random.default_rng(1).standard_normal((2, songs.shape[1])).astype(np.float32)
        beside_noise = run_chunks(session, loud, kind.sizes).of_stream(1, 1_000)
        assert_same(beside_noise, together.of_stream(1, 1_000))

    def test_reset_of_one_stream_leaves_the_others(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        stream, songs = replace(kind.stream, streams=3), phrases(sing)
        cut = list(chunks(songs, stream))
        session = kind.open(stream, program_for)
        fresh = run_chunks(session, songs)
        session.reset()
        before = concat_frames([session.step(chunk) for chunk in cut[:10]])
        session.reset(1)
        restarted = [np.stack([old[0], new[1], old[2]]) for old, new in zip(cut[10:], cut, strict=False)]
        after = concat_frames([session.step(chunk) for chunk in restarted])
        whole = concat_frames([before, after])
        for index in (0, 2):
            assert_same(whole.of_stream(index, len(fresh)), fresh.of_stream(index, len(fresh)))
        assert_same(after.of_stream(1, len(after)), fresh.of_stream(1, len(after)))

    def test_clips_side_by_side_equal_solo_runs(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        song, sizes = sing(16_000, 4.0), kind.sizes
        clips = [song[8_000:24_321], song[30_000:44_000]]  # two clips for three streams
        session, baseline = kind.open(replace(kind.stream, streams=3), program_for), upstream(kind.stream)
        for frames, clip in zip(run_clips(session, clips, sizes), clips, strict=True):
            assert_near(frames, run_chunks(baseline, clip, sizes))

    def test_refused_input_changes_nothing(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        stream, songs = replace(kind.stream, streams=3), phrases(sing)
        cut = list(chunks(songs, stream))
        session = kind.open(stream, program_for)
        expected = run_chunks(session, songs)
        session.reset()
        frames = [session.step(chunk) for chunk in cut[:12]]
        for shape in ((320,), (2, 320), (3, 0), (3, 319), (3, 1600), (1, 3, 320)):
            with pytest.raises(ProgramError, match="chunk: expected"):
                session.step(np.ones(shape, np.float32))
        with pytest.raises(ProgramError, match="float32"):
            session.step(np.ones((3, 320), np.int16))
        for index in (3, -1):
            with pytest.raises(ProgramError, match=f"got {index}"):
                session.reset(index)
        assert_same(concat_frames([*frames, *(session.step(chunk) for chunk in cut[12:])]), expected)

    def test_one_stream_takes_one_or_two_dimensions(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        chunk = sing(16_000, 1.0)[8_000 : 8_000 + kind.stream.chunk_samples]
        session = kind.open(kind.stream, program_for)
        flat = session.step(chunk.astype(np.float64))
        session.reset()
        rows = session.step(chunk[None])
        assert (flat.pitch_semitones.shape, rows.pitch_semitones.shape) == ((1,), (1, 1))
        assert len(flat) == len(rows) == 1
        assert_same(rows.of_stream(0, 1), flat)


@pytest.mark.parametrize("kind", DYNAMIC_KINDS)
class TestChunking:
    def test_frames_without_mirror_are_equal(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        samples = sing(16_000, 2.5)[16_000:]
        session = kind.open(UNMIRRORED, program_for)
        whole = run_chunks(session, samples, [4])
        assert_near(whole, run_chunks(session, samples, [1]))
        assert_near(whole, run_chunks(upstream(UNMIRRORED), samples, [4]))

    def test_last_frame_with_mirror_is_equal(self, kind: Kind, program_for: ProgramFactory, sing: Sing) -> None:
        samples = sing(16_000, 2.5)[16_000:]
        session = kind.open(SIZES, program_for)
        assert [each.depends_on_chunking for each in (SIZES, FIXED, UNMIRRORED)] == [True, False, False]
        volumes = [run_chunks(session, samples, sizes).volume for sizes in ([4], [1])]
        difference = np.abs(volumes[0] / volumes[1] - 1)[: len(volumes[1]) // 4 * 4]
        assert difference[3::4].max() <= 1e-5  # zeros follow the last frame of a call in both cases
        assert difference.max() > 0.1


def test_upstream_session_omits_margins_on_request() -> None:
    session = UpstreamSession(load_upstream("mir-1k_g7", FIXED), FIXED, margins=False)
    silence = np.zeros(FIXED.chunk_samples, np.float32)
    assert session.step(silence).margin is None
    assert_array_equal(upstream(FIXED).step(silence).volume, session.step(silence).volume)


@pytest.mark.slow
class TestPrograms:
    @pytest.mark.parametrize("size", [1, 4])
    def test_fixed_and_dynamic_sizes_agree(self, size: int, program_for: ProgramFactory, sing: Sing) -> None:
        samples = sing(16_000, 2.5)[16_000:39_040]  # 18 calls of four frames
        fixed = open_program(program_for(replace(FIXED, frames_per_chunk=size)))
        dynamic = open_program(program_for(SIZES))
        assert_near(run_chunks(dynamic, samples, [size]), run_chunks(fixed, samples), semitones=1e-4)

    def test_explicit_and_internal_state_agree(self, program_for: ProgramFactory, sing: Sing) -> None:
        samples, sizes = sing(16_000, 2.5)[16_000:], random_sizes(SIZES, 4)
        internal, explicit = (open_program(program_for(SIZES, state)) for state in ("internal", "explicit"))
        assert_same(run_chunks(explicit, samples, sizes), run_chunks(internal, samples, sizes))

    def test_one_or_two_frames_per_call(self, program_for: ProgramFactory, sing: Sing) -> None:
        """The smallest range: torch would make the constant 2 of it."""
        stream, song = replace(FIXED, max_frames_per_chunk=2), sing(16_000, 2.0)
        session = open_program(program_for(stream))
        assert_near(run_chunks(session, song, [1, 2, 2]), run_chunks(upstream(stream), song, [1, 2, 2]))
        with pytest.raises(ProgramError, match="got 960 samples"):
            session.step(song[:960])

    def test_outputs_not_requested_are_not_returned(self, program_for: ProgramFactory, sing: Sing) -> None:
        audio = sing(16_000, 0.5)
        for state in ("internal", "explicit"):
            whole, partial = program_for(SIZES, state), program_for(SIZES, state, outputs=("pitch",))
            expected, actual = (run_chunks(open_program(path), audio) for path in (whole, partial))
            assert_array_equal(actual.pitch_semitones, expected.pitch_semitones)
            assert (expected.absent, actual.absent) == ((), ("confidence", "volume"))
            assert np.isnan(actual.confidence).all() and np.isnan(actual.volume).all()
            assert partial.stat().st_size < whole.stat().st_size
