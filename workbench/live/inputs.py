"""Blocks without a browser: from an audio file in real time, or from an input of the system (sounddevice)."""

import importlib
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from workbench.audio.decode import read_clip, warn_of_conditions
from workbench.errors import AudioError, WorkbenchError, first_line
from workbench.extras import LIVE
from workbench.live.blocks import Block, BlockReader
from workbench.recipe import Channel
from workbench.runtime.session import Floats

BLOCK_SAMPLES = 256
_WAIT_S = 0.2


def file_blocks(path: Path, rate_hz: int, reader: BlockReader, channel: Channel = "mix") -> Iterator[Block]:
    """Yields an audio file in blocks, each when a microphone would have recorded it.

    Raises AudioError if the file cannot be read.
    """
    clip = read_clip(path, rate_hz, channel=channel)
    warn_of_conditions([clip])
    samples = clip.samples
    started_s = time.monotonic()
    for number, begin in enumerate(range(0, len(samples), BLOCK_SAMPLES)):
        block = samples[begin : begin + BLOCK_SAMPLES]
        time.sleep(max(0.0, started_s + (begin + len(block)) / rate_hz - time.monotonic()))
        yield from reader.accept(number, rate_hz, block)


class Microphone:
    """An input of the system. It is open, and records while `blocks` is read.

    Args:
        device: The number of a device, or a part of its name; by default the system's input.

    Raises:
        WorkbenchError: sounddevice or PortAudio is not installed.
        AudioError: There is no such device, or it cannot be opened.
    """

    def __init__(self, device: str | None) -> None:
        sounddevice = _sounddevice()
        chosen = int(device) if device is not None and device.isdigit() else device
        self._recorded: queue.Queue[tuple[Floats, bool]] = queue.Queue()
        try:
            self._stream = sounddevice.InputStream(
                device=chosen,
                channels=1,
                dtype="float32",
                blocksize=BLOCK_SAMPLES,
                latency="low",
                callback=self._record,
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            place = "the system's input" if device is None else f"--device {device}"
            raise AudioError(f"{place}: cannot be opened ({first_line(error)}); name a file with --play") from None

    def blocks(self, reader: BlockReader) -> Iterator[Block]:
        """Yields what is recorded, at the rate of the device, until the caller ends.

        Args:
            reader: Counts the samples that the system lost.
        """
        number = 0
        with self._stream:
            rate_hz = round(self._stream.samplerate)
            while self._stream.active:
                try:
                    samples, overflowed = self._recorded.get(timeout=_WAIT_S)
                except queue.Empty:
                    continue  # the machine slept
                number += overflowed  # PortAudio does not say how much it lost; a block is assumed
                yield from reader.accept(number, rate_hz, np.nan_to_num(samples))
                number += 1

    def _record(self, samples: Floats, _: int, __: Any, status: Any) -> None:
        self._recorded.put((samples[:, 0].copy(), bool(status.input_overflow)))


def _sounddevice() -> ModuleType:
    try:
        return importlib.import_module("sounddevice")
    except ImportError:
        raise WorkbenchError(f"sounddevice not installed: {LIVE.install_command}; or name a file with --play") from None
    except OSError:
        raise WorkbenchError(
            "PortAudio is not installed; install it (Debian: libportaudio2), or name a file with --play"
        ) from None
