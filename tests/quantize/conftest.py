"""Calibration audio, and the stream that most tests of quantization look at."""

import numpy as np
import pytest

from tests.helpers.quantized import MIXED, calibration_phrase, quantized
from workbench.model.streaming import StreamingPesto
from workbench.quantize.results import Quantized


@pytest.fixture(scope="session")
def phrase() -> np.ndarray:
    """(48000,) float32, 16 kHz."""
    return calibration_phrase()


@pytest.fixture(scope="session")
def mixed(phrase: np.ndarray) -> tuple[StreamingPesto, Quantized]:
    """The stream with static int8 prefilters; tests must not change it."""
    return quantized(MIXED, phrase)
