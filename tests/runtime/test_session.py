"""What every session promises, held against upstream and the restatement in eager PyTorch; the .pte: test_lower.py."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.sessions import CumulativeSumSession, RestatedSession
from workbench.errors import ProgramError
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import OUTPUTS
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.session import (
    Frames,
    Session,
    chunk_schedule,
    chunks,
    concat_frames,
    frame_end_s,
    random_sizes,
    run_chunks,
)
from workbench.runtime.session import to_frames as returned_by

STREAM = StreamConfig(16_000, 320, 2, 1.0)
NewSession = Callable[[], Session]


def upstream() -> Session:
    return UpstreamSession(load_upstream("mir-1k_g7", STREAM), STREAM)


def restated() -> Session:
    return RestatedSession(StreamingPesto(load_upstream("mir-1k_g7", STREAM), STREAM))


@pytest.fixture(params=[upstream, restated], ids=lambda make: make.__name__)
def new_session(request: pytest.FixtureRequest) -> NewSession:
    return request.param


def assert_same(got: Frames, expected: Frames) -> None:
    assert_array_equal(got.pitch_semitones, expected.pitch_semitones)
    assert_array_equal(got.confidence, expected.confidence)
    assert_array_equal(got.volume, expected.volume)
    assert_array_equal(got.margin, expected.margin)


def test_reset_equals_a_fresh_session(new_session: NewSession, sing: Callable[[int, float], np.ndarray]) -> None:
    session, rows = new_session(), list(chunks(sing(16_000, 0.8), STREAM))
    fresh = concat_frames([session.step(row) for row in rows])
    going_on = concat_frames([session.step(row) for row in rows])
    assert not np.array_equal(going_on.volume, fresh.volume)
    session.reset()
    assert_same(concat_frames([session.step(row) for row in rows]), fresh)
    assert_same(run_chunks(session, np.concatenate(rows)), fresh)
    assert_same(run_chunks(new_session(), np.concatenate(rows)), fresh)


def test_interleaved_sessions_equal_their_solo_runs(
    new_session: NewSession, sing: Callable[[int, float], np.ndarray]
) -> None:
    audio = sing(16_000, 1.6)
    one, other = list(chunks(audio[:12_800], STREAM)), list(chunks(audio[12_800:], STREAM))
    first, second = new_session(), new_session()
    alone = [concat_frames([first.step(row) for row in one]), concat_frames([second.step(row) for row in other])]
    first.reset()
    second.reset()
    steps = [(first.step(a), second.step(b)) for a, b in zip(one, other, strict=True)]
    assert_same(concat_frames([step[0] for step in steps]), alone[0])
    assert_same(concat_frames([step[1] for step in steps]), alone[1])


def test_a_result_is_not_changed_by_later_steps(
    new_session: NewSession, sing: Callable[[int, float], np.ndarray]
) -> None:
    session, rows = new_session(), list(chunks(sing(16_000, 0.6), STREAM))
    kept = [session.step(row) for row in rows]
    copies = [Frames(*(np.array(a) for a in (f.pitch_semitones, f.confidence, f.volume, f.margin))) for f in kept]
    session.step(np.ones(STREAM.chunk_samples, np.float32))
    session.reset()
    for frames, copy in zip(kept, copies, strict=True):
        assert_same(frames, copy)
        for array in (frames.pitch_semitones, frames.confidence, frames.volume, frames.margin):
            assert array.dtype == np.float32
            assert array.shape == (2,)
            assert array.flags.owndata


def test_a_chunk_is_not_changed_by_its_step(new_session: NewSession, sing: Callable[[int, float], np.ndarray]) -> None:
    chunk = sing(16_000, 0.5)[-STREAM.chunk_samples :]
    before = chunk.copy()
    new_session().step(chunk)
    assert_array_equal(chunk, before)
    chunk.setflags(write=False)  # as clips are
    new_session().step(chunk)


def test_the_session_knows_its_stream(new_session: NewSession) -> None:
    assert new_session().stream == STREAM


def test_upstream_leaves_margins_out_where_only_time_counts() -> None:
    session = UpstreamSession(load_upstream("mir-1k_g7", STREAM), STREAM, margins=False)
    frames = session.step(np.zeros(STREAM.chunk_samples, np.float32))
    assert len(frames) == 2
    assert frames.margin is None


def test_the_margin_is_the_best_bin_above_the_second() -> None:
    import torch

    from workbench.runtime.eager import estimate_to_frames

    activations = torch.tensor([[[0.1, 0.5, 0.4], [0.3, 0.3, 0.4]]])
    flat = torch.zeros(1, 2)
    np.testing.assert_allclose(
        estimate_to_frames((flat, flat, flat, activations), True, one_dimensional=True).margin, [0.2, 0.25], rtol=1e-6
    )


def test_chunks_fill_up_the_last_one_with_silence() -> None:
    pairs = StreamConfig(1000, 2, 1, 0.0)
    assert_array_equal(list(chunks(np.arange(1, 6, dtype=np.float32), pairs)), [[1, 2], [3, 4], [5, 0]])
    assert_array_equal(list(chunks(np.arange(1, 5, dtype=np.float32), pairs)), [[1, 2], [3, 4]])
    assert [chunk.shape for chunk in chunks(np.ones(1, np.float32), STREAM)] == [(640,)]
    two = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert_array_equal(list(chunks(two, pairs)), [[[0, 1], [3, 4]], [[2, 0], [5, 0]]])
    assert all(chunk.dtype == np.float32 for chunk in chunks(np.ones(5, np.float32), pairs))


def test_a_schedule_is_gone_through_over_and_over() -> None:
    stream = StreamConfig(1000, 10, 2, 0.0, max_frames_per_chunk=5)
    assert list(chunk_schedule(121, stream, [5, 2])) == [5, 2, 5, 2]  # 13 hops, and the smallest call for the last
    assert list(chunk_schedule(120, stream, [5, 2])) == [5, 2, 5]
    assert list(chunk_schedule(100, stream, [5, 2])) == [5, 2, 3]  # what is left
    assert list(chunk_schedule(1, stream, [5, 2])) == [2]  # the smallest call
    assert list(chunk_schedule(50, stream)) == [2, 2, 2]
    assert [len(chunk) for chunk in chunks(np.ones(101, np.float32), stream, [5, 2])] == [50, 20, 40]


def test_random_sizes_are_every_size_equally_often_and_the_same_again() -> None:
    stream = StreamConfig(1000, 10, 2, 0.0, max_frames_per_chunk=9)
    sizes = random_sizes(stream, 1, rounds=3)
    assert len(sizes) == 24
    assert all(sorted(sizes[at : at + 8]) == list(range(2, 10)) for at in (0, 8, 16))
    assert sizes == random_sizes(stream, 1, rounds=3) != random_sizes(stream, 2, rounds=3)
    assert set(random_sizes(STREAM, 1)) == {2}


def test_roll_resets_first_and_pads_last() -> None:
    frames = run_chunks(CumulativeSumSession(), np.array([1, 2, 3, 4, 5], np.float32))
    assert_array_equal(frames.pitch_semitones, [3, 10, 15])
    assert_array_equal(frames.volume, [2, 2, 2])
    assert frames.margin is None


def test_roll_gives_every_frame_of_the_padded_clip(sing: Callable[[int, float], np.ndarray]) -> None:
    samples = sing(16_000, 0.5)[: 5 * STREAM.chunk_samples + 1]
    frames = run_chunks(restated(), samples)
    assert len(frames) == 6 * STREAM.frames_per_chunk
    padded = np.concatenate([samples, np.zeros(STREAM.chunk_samples - 1, np.float32)])
    assert_same(frames, run_chunks(restated(), padded))


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ([(1, 2), (1, 2)], "[(1, 2), (1, 2)]"),
        ([(1, 2), (1, 2), (1, 5)], "[(1, 2), (1, 2), (1, 5)]"),
        ([(), (), ()], "[(), (), ()]"),
    ],
)
def test_a_program_that_returns_other_than_it_tells_is_refused(shapes: list[tuple[int, ...]], told: str) -> None:
    stream, returned = StreamConfig(16_000, 320, 1, 0.0), [np.zeros(shape, np.float32) for shape in shapes]
    with pytest.raises(ProgramError) as caught:
        returned_by(returned, OUTPUTS, np.zeros(640, np.float32), stream)
    assert (
        str(caught.value)
        == f"the program returned {told}; expected pitch,confidence,volume of (1, 2); rebuild the program"
    )


def frames_of(*pitch: float, margin: bool) -> Frames:
    column = np.array(pitch, np.float32)
    return Frames(column, column / 100, column * 2, column / 10 if margin else None)


def test_join_keeps_the_order_and_margins_only_where_all_have_them() -> None:
    joined = concat_frames([frames_of(1, 2, margin=True), frames_of(3, margin=True)])
    assert_array_equal(joined.pitch_semitones, [1, 2, 3])
    assert_array_equal(joined.volume, [2, 4, 6])
    np.testing.assert_allclose(joined.margin, [0.1, 0.2, 0.3], rtol=1e-6)
    assert concat_frames([frames_of(1, margin=True), frames_of(2, margin=False)]).margin is None


def test_a_frame_ends_with_its_hop() -> None:
    np.testing.assert_allclose(frame_end_s(3, STREAM), [0.02, 0.04, 0.06], rtol=1e-12)
    assert STREAM.chunk_samples == 640
    assert STREAM.chunk_ms == 40.0
    assert STREAM.hop_ms == 20.0
