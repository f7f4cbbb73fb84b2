"""Chunks, schedules and frames: what all sessions share. The sessions themselves: test_session_contract.py."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.helpers.frames import frames_of
from workbench.errors import ProgramError
from workbench.recipe.options import OUTPUTS
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.eager import estimate_to_frames
from workbench.runtime.session import (
    chunk_schedule,
    chunks,
    concat_frames,
    frame_end_s,
    random_sizes,
    to_frames,
    validate_chunk,
)

FIXED = StreamConfig(16_000, 320, 1, 1.0)
DYNAMIC = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4)
STREAMS = StreamConfig(16_000, 320, 1, 1.0, max_frames_per_chunk=4, streams=3)
TWO_TO_FIVE = StreamConfig(1000, 10, 2, 0.0, max_frames_per_chunk=5)


@pytest.mark.parametrize(
    ("stream", "chunk", "message"),
    [
        (FIXED, np.zeros(640, np.float32), "expected 320 samples, got 640 samples"),
        (DYNAMIC, np.zeros(1600, np.float32), "expected 1 to 4 hops of 320 samples, got 1600 samples"),
        (TWO_TO_FIVE, np.zeros(10, np.float32), "expected 2 to 5 hops of 10 samples, got 10 samples"),
        (FIXED, np.zeros((), np.float32), "expected shape (samples,), got ()"),
        (FIXED, np.zeros((320, 1), np.float32), "expected shape (samples,), got (320, 1)"),
        (STREAMS, np.zeros(320, np.float32), "expected shape (3, samples), got (320,)"),
        (FIXED, ["loud"] * 320, "expected float32 samples in -1..1, got <U4"),
        (FIXED, None, "expected float32 samples in -1..1, got object"),
        (FIXED, [[0.0, 0.1], [0.2]], "expected an array of float32 samples ("),
    ],
)
def test_invalid_chunk_is_refused(stream: StreamConfig, chunk: np.ndarray, message: str) -> None:
    with pytest.raises(ProgramError) as caught:
        validate_chunk(chunk, stream)
    assert str(caught.value).startswith(f"chunk: {message}") and "\n" not in str(caught.value)


def test_chunk_is_converted_and_copied() -> None:
    samples = np.linspace(-1, 1, 320)
    converted = validate_chunk(samples, FIXED)
    assert converted.dtype == np.float32
    assert_array_equal(converted, samples[None].astype(np.float32))
    same = np.zeros((1, 320), np.float32)
    assert not np.shares_memory(validate_chunk(same, FIXED), same)
    block = np.zeros((320, 3), np.float32)  # as soundfile reads several channels
    assert validate_chunk(block.T, STREAMS).flags.c_contiguous


def test_schedule_repeats_sizes_and_fits_the_rest() -> None:
    schedules = [list(chunk_schedule(samples, TWO_TO_FIVE, [5, 2])) for samples in (121, 100, 1)]
    assert schedules == [[5, 2, 5, 2], [5, 2, 3], [2]]  # one hop is left but the smallest call has two; three are left
    assert list(chunk_schedule(50, TWO_TO_FIVE)) == [2, 2, 2]


@given(st.integers(1, 500), st.lists(st.integers(2, 5), min_size=1, max_size=4), st.sampled_from([1, 3]))
def test_chunks_joined_are_the_samples_and_silence(length: int, sizes: list[int], rows: int) -> None:
    samples = np.arange(1, rows * length + 1, dtype=np.float32).reshape(rows, length)
    cut = list(chunks(samples, TWO_TO_FIVE, sizes))
    assert {chunk.shape[1] // TWO_TO_FIVE.hop_samples for chunk in cut} <= set(TWO_TO_FIVE.sizes)
    joined = np.concatenate(cut, -1)
    assert joined.dtype == np.float32
    assert_array_equal(joined[:, :length], samples)
    assert not joined[:, length:].any()
    assert joined.shape[1] - length < TWO_TO_FIVE.chunk_samples


def test_random_sizes_are_equally_frequent_and_reproducible() -> None:
    sizes = random_sizes(TWO_TO_FIVE, 1, rounds=3)
    assert all(sorted(sizes[begin : begin + 4]) == [2, 3, 4, 5] for begin in (0, 4, 8))
    assert sizes == random_sizes(TWO_TO_FIVE, 1, rounds=3) != random_sizes(TWO_TO_FIVE, 2, rounds=3)
    assert set(random_sizes(FIXED, 1)) == {1}


@pytest.mark.parametrize("shapes", [[(1, 2), (1, 2)], [(1, 2), (1, 2), (1, 5)], [(), (), ()]])
def test_to_frames_refuses_other_shapes(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(ProgramError, match=r"expected pitch,confidence,volume of \(1, 2\)"):
        to_frames([np.zeros(shape, np.float32) for shape in shapes], OUTPUTS, np.zeros(640, np.float32), DYNAMIC)


def test_margin_is_the_best_bin_above_the_second() -> None:
    estimate = (*[torch.zeros(1, 2)] * 3, torch.tensor([[[0.1, 0.5, 0.4], [0.3, 0.3, 0.4]]]))
    assert_allclose(estimate_to_frames(estimate, True, one_dimensional=True).margin, [0.2, 0.25], rtol=1e-6)
    assert estimate_to_frames(estimate, False, one_dimensional=True).margin is None


def test_concat_frames_keeps_margins_only_if_all_have_them() -> None:
    first, second = frames_of([1, 2], volume=[2, 4], margin=[0.1, 0.2]), frames_of([3], volume=6, margin=0.3)
    joined = concat_frames([first, second])
    assert_array_equal(joined.pitch_semitones, [1, 2, 3])
    assert_array_equal(joined.volume, [2, 4, 6])
    assert_allclose(joined.margin, [0.1, 0.2, 0.3], rtol=1e-6)
    assert concat_frames([first, frames_of([3])]).margin is None


def test_frame_ends_with_its_hop() -> None:
    assert_allclose(frame_end_s(3, FIXED), [0.02, 0.04, 0.06], rtol=1e-12)
