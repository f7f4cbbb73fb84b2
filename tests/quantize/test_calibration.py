"""Excerpts, halves and the inputs of the parts."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.models.quantized import float_model, phrase
from tests.helpers.sessions import RestatedSession
from workbench.quantize.calibration import concat_inputs, excerpts, part_inputs, split_in_half, subsample_rows
from workbench.runtime.session import run_chunks


def test_part_inputs_equal_those_of_the_stream() -> None:
    stream, inputs = float_model(), part_inputs(float_model(), [torch.tensor(phrase())] * 2)
    received: list[torch.Tensor] = []
    stream.encoder.register_forward_pre_hook(lambda _, inputs: received.append(inputs[0]))
    run_chunks(RestatedSession(stream), phrase())
    rows = torch.cat(received)
    torch.testing.assert_close(inputs["encoder"][0], torch.cat((rows, rows)), rtol=1e-4, atol=1e-4)
    energy, log_energy = inputs["confidence"]
    assert torch.equal(energy.log(), log_energy)
    assert len(inputs["frontend"][0]) == len(energy) == 2 * len(rows)


@given(samples=st.integers(1, 300), max_samples=st.integers(1, 300), seed=st.integers(0, 2**32 - 1))
def test_excerpt_is_drawn_by_the_seed_within_the_clip(samples: int, max_samples: int, seed: int) -> None:
    clip = torch.arange(float(samples))
    first, second = excerpts([clip] * 50, max_samples, seed), excerpts([clip] * 50, max_samples, seed)
    assert all(map(torch.equal, first, second))
    for excerpt in first:
        assert torch.equal(excerpt, clip[int(excerpt[0]) :][: min(samples, max_samples)])
    assert (len({float(excerpt[0]) for excerpt in first}) > 1) == (samples > max_samples)


@given(count=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_halves_are_disjoint_and_hold_every_clip(count: int, seed: int) -> None:
    clips = [torch.tensor([float(number)]) for number in range(count)]
    first, second = ({float(clip) for clip in half} for half in split_in_half(clips, seed))
    assert len(first) - len(second) in (0, 1)
    assert first | second == set(map(float, range(count))) and not first & second


@given(rows=st.integers(1, 100), max_rows=st.integers(1, 100))
def test_subsample_rows_keeps_order_and_limit(rows: int, max_rows: int) -> None:
    inputs = (torch.arange(rows), -torch.arange(rows))
    kept, negative = subsample_rows(inputs, max_rows)
    assert 1 <= len(kept) <= max_rows and kept[0] == 0
    assert torch.equal(negative, -kept) and (kept.diff() > 0).all()
    assert [len(tensor) for tensor in concat_inputs([inputs, inputs])] == [2 * rows, 2 * rows]
