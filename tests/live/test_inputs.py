"""The system's input, with a module in place of sounddevice: no test has a sound card."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from workbench.errors import WorkbenchError
from workbench.live.blocks import BlockReader
from workbench.live.inputs import BLOCK_SAMPLES, Microphone


class PortAudioError(Exception):
    pass


class InputStream:
    """Records four blocks, the third one after an overflow. Only the device `3` exists."""

    samplerate, active = 44_100.0, True

    def __init__(self, device: object, callback: Any, **_: object) -> None:
        if device not in (None, 3):
            raise PortAudioError(f"Error querying device {device}")
        self._callback = callback

    def __enter__(self) -> None:
        for number in range(4):
            samples = np.full((BLOCK_SAMPLES, 1), np.nan if number == 3 else number, np.float32)
            self._callback(samples, len(samples), None, SimpleNamespace(input_overflow=number == 2))

    def __exit__(self, *_: object) -> None:
        pass


SOUNDDEVICE = SimpleNamespace(PortAudioError=PortAudioError, InputStream=InputStream)


@pytest.mark.parametrize("device", [None, "3"])
def test_blocks_of_a_device(device: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", SOUNDDEVICE)
    reader = BlockReader()
    blocks = Microphone(device).blocks(reader)
    found = [next(blocks) for _ in range(5)]
    assert [block.samples[0] for block in found] == [0, 1, 0, 2, 0]  # silence for the lost block; no NaN
    assert (reader.drop_outs, {block.rate_hz for block in found}) == (1, {44_100})


@pytest.mark.parametrize(
    ("module", "device", "message"),
    [
        (None, None, "sounddevice not installed: pip install 'pesto-workbench[live]'; or name a file with --play"),
        (SOUNDDEVICE, "7", "--device 7: cannot be opened (Error querying device 7); name a file with --play"),
        (SOUNDDEVICE, "USB", "--device USB: cannot be opened (Error querying device USB); name a file with --play"),
    ],
)
def test_input_that_cannot_be_used(module: Any, device: str | None, message: str, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    with pytest.raises(WorkbenchError) as raised:
        Microphone(device)
    assert str(raised.value) == message
