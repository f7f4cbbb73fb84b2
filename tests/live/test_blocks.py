import struct

import numpy as np
import pytest

from workbench.errors import BlockError
from workbench.live.blocks import MAX_MESSAGE_BYTES, BlockReader, encode_block

RATE_HZ = 8000
SAMPLES = np.linspace(-0.5, 0.5, 80, dtype=np.float32)


def message(number: int = 0, rate_hz: int = RATE_HZ, samples: np.ndarray = SAMPLES) -> bytes:
    return encode_block(number, rate_hz, samples)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "0 bytes; expected 8"),
        (message(samples=SAMPLES[:0]), "8 bytes; expected 8"),
        (message()[:-2], "326 bytes; expected 8"),
        (b"x" * 10_000_000, f"10000000 bytes; at most {MAX_MESSAGE_BYTES} are allowed"),
        (message(samples=np.array([0, np.nan], np.float32)), "NaN"),
        (message(samples=np.array([np.inf], np.float32)), "infinite"),
        (message(rate_hz=7999), "a rate of 7999 Hz"),
        (struct.pack("<IIf", 0, 2**32 - 1, 0), "a rate of 4294967295 Hz"),
    ],
)
def test_refuses_what_is_no_block(bad: bytes, reason: str) -> None:
    with pytest.raises(BlockError, match=reason):
        BlockReader().read(bad)


def read(*messages: bytes) -> tuple[BlockReader, list[tuple[float, int, bool, float]]]:
    reader = BlockReader()
    blocks = [block for each in messages for block in reader.read(each)]
    return reader, [(round(each.begin_s, 6), len(each.samples), each.restarts, each.samples[0]) for each in blocks]


FIRST = (0.0, 80, True, -0.5)


@pytest.mark.parametrize(
    ("messages", "blocks", "counts"),
    [
        ([message(0), message(1)], [FIRST, (0.01, 80, False, -0.5)], (0, 0, 0)),
        ([message(0), message(3)], [FIRST, (0.01, 160, False, 0.0), (0.03, 80, False, -0.5)], (1, 20, 0)),
        ([message(0), message(201)], [FIRST, (2.01, 80, True, -0.5)], (1, 2000, 0)),  # too long to be filled
        ([message(0), message(2**32 - 1)], [FIRST, (42949672.95, 80, True, -0.5)], (1, 42949672940, 0)),
        ([message(0), message(1, 16000)], [FIRST, (0.01, 80, True, -0.5)], (0, 0, 1)),  # a headset
        ([message(0), message(1), message(0)], [FIRST, (0.01, 80, False, -0.5), FIRST], (0, 0, 0)),
    ],
)
def test_order_gaps_and_rates(messages: list[bytes], blocks: list[object], counts: tuple[int, float, int]) -> None:
    reader, found = read(*messages)
    assert found == blocks
    assert (reader.drop_outs, reader.dropped_ms, reader.rate_changes) == counts


def test_refuses_a_block_of_the_past() -> None:
    with pytest.raises(BlockError, match="block 1: expected block 3"):
        read(message(0), message(2), message(1))
