"""The audio of a browser: messages with numbered blocks of samples, checked and put in the order of time.

A message is a little-endian header, the number of the block and the sample rate in hertz (uint32 each), followed by
float32 samples. The number 0 starts a new stream. A number that is missing is a drop-out.
"""

import struct
import time
from dataclasses import dataclass

import numpy as np

from workbench.errors import BlockError
from workbench.runtime.session import Floats

HEADER = struct.Struct("<II")
MAX_BLOCK_SAMPLES = 16_384  # a third of a second at 48 kHz; the page sends 256
MAX_MESSAGE_BYTES = HEADER.size + 4 * MAX_BLOCK_SAMPLES
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 192_000  # those of a program's metadata
MAX_FILLED_S = 1.0
"""A longer gap is not filled with silence: the sessions start again after it."""


@dataclass(frozen=True, eq=False)
class Block:
    """Successive samples of a stream.

    Attributes:
        samples: (n,) float32, full scale 1.0.
        rate_hz: Their sample rate.
        begin_s: The time of the first sample, in seconds since the stream began.
        arrived_s: When the block was received, by `time.monotonic`.
        restarts: Whether the audio before it does not belong to it: the sessions must start again.
    """

    samples: Floats
    rate_hz: int
    begin_s: float
    arrived_s: float
    restarts: bool = False

    @property
    def end_s(self) -> float:
        """The time after the last sample, in seconds since the stream began."""
        return self.begin_s + len(self.samples) / self.rate_hz


class BlockReader:
    """Reads the messages of one microphone.

    Attributes:
        drop_outs: How many times blocks were missing.
        dropped_ms: How much audio was missing.
        rate_changes: How many times the sample rate changed within a stream.
    """

    def __init__(self) -> None:
        self.drop_outs, self.dropped_ms, self.rate_changes = 0, 0.0, 0
        self._next_number, self._rate_hz = 0, 0
        self._origin_s, self._samples = 0.0, 0  # the time of the last restart, and the samples since then

    def read(self, message: bytes) -> list[Block]:
        """Returns the block of a message, after a block of silence if a few blocks before it are missing.

        Raises BlockError if the message is none, if its samples are not finite, or if it is out of order.
        """
        return self.accept(*_parse(message))

    def accept(self, number: int, rate_hz: int, samples: Floats) -> list[Block]:
        """Returns a block of finite samples (n,) as `read` does."""
        missing = number - self._next_number
        restarts = number == 0 or rate_hz != self._rate_hz
        if number == 0:
            self._origin_s, self._samples, missing = 0.0, 0, 0
        elif missing < 0:
            raise BlockError(f"block {number}: expected block {self._next_number}")
        elif rate_hz != self._rate_hz:
            self.rate_changes += bool(self._rate_hz)
            self._start_again(0.0)
        self._next_number, self._rate_hz = number + 1, rate_hz
        gap = missing * len(samples)
        blocks = []
        if gap:
            self.drop_outs += 1
            self.dropped_ms += 1000 * gap / rate_hz
            if restarts or gap > MAX_FILLED_S * rate_hz:
                self._start_again(gap / rate_hz)
                restarts = True
            else:
                blocks.append(self._block(np.zeros(gap, np.float32), False))
        return [*blocks, self._block(samples, restarts)]

    def _start_again(self, after_s: float) -> None:
        if self._rate_hz:
            self._origin_s += self._samples / self._rate_hz
        self._origin_s, self._samples = self._origin_s + after_s, 0

    def _block(self, samples: Floats, restarts: bool) -> Block:
        begin_s = self._origin_s + self._samples / self._rate_hz
        self._samples += len(samples)
        return Block(samples, self._rate_hz, begin_s, time.monotonic(), restarts)


def encode_block(number: int, rate_hz: int, samples: Floats) -> bytes:
    """Returns the message that the page sends for samples (n,)."""
    return HEADER.pack(number, rate_hz) + np.asarray(samples, "<f4").tobytes()


def _parse(message: bytes) -> tuple[int, int, Floats]:
    if len(message) > MAX_MESSAGE_BYTES:
        raise BlockError(f"{len(message)} bytes; at most {MAX_MESSAGE_BYTES} are allowed")
    if len(message) <= HEADER.size or (len(message) - HEADER.size) % 4:
        raise BlockError(f"{len(message)} bytes; expected {HEADER.size} and then 4 for each sample")
    number, rate_hz = HEADER.unpack_from(message)
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise BlockError(f"a rate of {rate_hz} Hz; expected {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}")
    samples = np.frombuffer(message, "<f4", offset=HEADER.size).astype(np.float32)
    if not np.isfinite(samples).all():
        raise BlockError("samples that are NaN or infinite")
    return number, rate_hz, np.clip(samples, -8.0, 8.0)
