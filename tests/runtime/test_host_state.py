"""The state that a program's host keeps between calls."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from workbench.export.metadata import build_metadata, parse_metadata
from workbench.recipe.options import OUTPUTS, State
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.host_state import Host, NoState, host_of

STREAM = StreamConfig(16_000, 2, 1, 1.0, streams=2)
AUDIO = np.arange(1, 5, dtype=np.float32).reshape(2, 2)
STATE = np.arange(6, dtype=np.float32).reshape(2, 3)


def host(state: State) -> Host:
    entries = build_metadata(STREAM, 25.0, "alwa", state, 3, OUTPUTS)
    return host_of(parse_metadata(entries, Path("p.pte")), Path("p.pte"))


def test_window_buffer_keeps_the_end_of_the_window() -> None:
    window = host("none")
    for _ in range(2):  # a failed call, without an update, changes nothing
        assert_array_equal(window.inputs(AUDIO)[0], [[0, 0, 0, 1, 2], [0, 0, 0, 3, 4]])
    window.update([])
    assert_array_equal(window.inputs(AUDIO)[0], [[0, 1, 2, 1, 2], [0, 3, 4, 3, 4]])
    window.update([])
    window.reset(1)
    assert_array_equal(window.inputs(AUDIO)[0], [[2, 1, 2, 1, 2], [0, 0, 0, 3, 4]])
    window.reset(None)
    assert_array_equal(window.inputs(AUDIO)[0], [[0, 0, 0, 1, 2], [0, 0, 0, 3, 4]])


def test_state_buffer_passes_the_last_output_in_again() -> None:
    buffer, returned = host("explicit"), STATE.copy()
    assert_array_equal(buffer.inputs(AUDIO)[1], np.zeros((2, 3)))
    returned.flags.writeable = False  # as a runtime's outputs may be
    buffer.update([AUDIO, returned])
    assert_array_equal(buffer.inputs(AUDIO)[1], STATE)
    buffer.reset(0)
    assert_array_equal(buffer.inputs(AUDIO)[1], [[0, 0, 0], [3, 4, 5]])


@pytest.mark.parametrize("state", ["internal", "frozen"])
def test_host_without_state_passes_audio_only(state: State) -> None:
    without = host(state)
    assert isinstance(without, NoState)
    without.update([AUDIO])
    without.reset(None)
    (audio,) = without.inputs(AUDIO)
    assert audio is AUDIO
