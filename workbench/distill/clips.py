"""The audio of a batch: random synthetic clips, or recordings cut into pieces, all of one length."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import soxr
from numpy.typing import NDArray

from workbench.audio.decode import Clip
from workbench.audio.synth import render
from workbench.audio.synth_manifest import RENDER_RATE_HZ
from workbench.distill.augment import augment
from workbench.distill.scores import random_entry
from workbench.recipe.students.section import Augmentation, TrainingData

Audio = NDArray[np.float32]

CLIPS_VERSION = 1
"""Increase it with every change to the sound of a training clip; batches in the cache are then computed again."""

_TRANSPOSED_SEMITONES = 6.0
_VARIATIONS = 3
_Sample = TypeVar("_Sample", np.float32, np.float64)


def synthetic_batch(
    data: TrainingData,
    augmentation: Augmentation,
    sample_rate_hz: int,
    batch: int,
    clips: int,
    advance: Callable[[int], None],
) -> Audio:
    """Renders a batch of random clips.

    Args:
        data: The length of a clip, and the seed.
        augmentation: How their sound is changed.
        sample_rate_hz: The rate of the stream.
        batch: The number of the batch; another one has other clips.
        clips: How many.
        advance: Called with 1 after each clip.

    Returns:
        (clips, samples), at the rate of the stream.
    """
    samples = round(data.clip_seconds * RENDER_RATE_HZ)
    audio = []
    for clip in range(clips):
        rng = np.random.default_rng((data.seed, batch, clip))
        sound = _with_length(render(random_entry(rng, data.clip_seconds)).samples, samples)
        sound = augment(sound, augmentation, rng, RENDER_RATE_HZ)
        audio.append(
            soxr.resample(sound, RENDER_RATE_HZ, sample_rate_hz) if sample_rate_hz != RENDER_RATE_HZ else sound
        )
        advance(1)
    return np.stack(audio).astype(np.float32)


def recorded_batch(clips: Sequence[Clip], data: TrainingData) -> Audio:
    """Returns recordings in pieces of the length of a clip, (pieces, samples). The last piece ends with silence."""
    rate_hz = clips[0].sample_rate_hz
    samples = round(data.clip_seconds * rate_hz)
    pieces = [
        _with_length(clip.samples[start : start + samples], samples)
        for clip in clips
        for start in range(0, len(clip.samples), samples)
    ]
    return np.stack(pieces)


def varied_batch(clips: Sequence[Clip], data: TrainingData, augmentation: Augmentation) -> Audio:
    """Returns recordings as they are, and each in three variations: transposed by up to half an octave, and changed
    like a synthetic clip. Shapes as `recorded_batch`."""
    pieces = recorded_batch(clips, data)
    rate_hz, varied = clips[0].sample_rate_hz, [*pieces]
    for index, piece in enumerate(pieces):
        for variation in range(_VARIATIONS):
            rng = np.random.default_rng((data.seed, index, variation))
            ratio = 2 ** (rng.uniform(-_TRANSPOSED_SEMITONES, _TRANSPOSED_SEMITONES) / 12)
            sound = _with_length(soxr.resample(piece.astype(np.float64), rate_hz * ratio, rate_hz), len(piece))
            varied.append(augment(sound, augmentation, rng, rate_hz).astype(np.float32))
    return np.stack(varied)


def _with_length(sound: NDArray[_Sample], samples: int) -> NDArray[_Sample]:
    """Returns the sound cut, or with silence at its end."""
    return np.pad(sound[:samples], (0, max(0, samples - len(sound))))
