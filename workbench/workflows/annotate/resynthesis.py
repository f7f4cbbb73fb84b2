"""A recording sung again by the vocoder WORLD with an f0 that is then exact, as the corpus MDB-stem-synth was made.

Source: Salamon et al., "An Analysis/Synthesis Framework for Automatic F0 Annotation of Multitrack Datasets", ISMIR
2017; Morise et al., "WORLD: A Vocoder-Based High-Quality Speech Synthesis System", IEICE 2016.
"""

import sys
import types
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import extras
from workbench.audio.annotations import PitchTrack
from workbench.errors import WorkbenchError

Floats = NDArray[np.float64]

_STEP_MS = 5.0
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 1500.0
_BELOW_LOUD_DB = 40.0  # what is quieter than the loud part by more is breath and room
_LONGEST_JUMP_CENTS = 80.0  # in a step; a voice does not jump faster, so that the analysis was wrong there
_SHORTEST_FRAMES = 10  # 50 ms; a shorter voice has no pitch that a tracker could find
_SMOOTHED_FRAMES = 9  # 45 ms: removes the jitter of the analysis, and leaves vibrato
_APERIODIC = 0.999  # D4C marks a frame as unvoiced by an aperiodicity of 1 in every bin


def resynthesize(samples: NDArray[np.float32], sample_rate_hz: int) -> tuple[NDArray[np.float32], PitchTrack]:
    """Returns the samples sung again, and their f0 every 5 ms.

    The f0 of the recording is estimated, cleaned and smoothed. It need not be right: WORLD sings exactly this f0 with
    the recording's timbre. Its pulses come about 1 ms after the moment that the f0 states.

    Args:
        samples: (n,) mono, full scale 1.0.
        sample_rate_hz: Their rate.

    Returns:
        (n,) samples, and the f0; 0 where there is no voice.

    Raises:
        WorkbenchError: pyworld is not installed.
    """
    world = _world()
    sound = samples.astype(np.float64)
    rough_hz, times_s = world.dio(sound, sample_rate_hz, _LOWEST_HZ, _HIGHEST_HZ, frame_period=_STEP_MS)
    hz = world.stonemask(sound, rough_hz, times_s, sample_rate_hz)
    bins = world.get_cheaptrick_fft_size(sample_rate_hz, _LOWEST_HZ)
    periodic = (world.d4c(sound, hz, times_s, sample_rate_hz, fft_size=bins) < _APERIODIC).any(axis=1)
    hz = _cleaned(hz, periodic & _is_loud(sound, sample_rate_hz, times_s))
    envelope = world.cheaptrick(sound, hz, times_s, sample_rate_hz, f0_floor=_LOWEST_HZ, fft_size=bins)
    aperiodicity = world.d4c(sound, hz, times_s, sample_rate_hz, fft_size=bins)
    sung = world.synthesize(hz, envelope, aperiodicity, sample_rate_hz, _STEP_MS)[: len(samples)]
    sung = sung / max(1.0, float(np.abs(sung).max(initial=0.0)))
    return sung.astype(np.float32), PitchTrack(times_s, hz, "resynthesis")


def world_label() -> str:
    """Returns the vocoder with the version of its package and its steps."""
    return f"WORLD (pyworld {version('pyworld')}): dio, stonemask, cheaptrick, d4c, synthesize"


def _world() -> Any:
    if find_spec("pyworld") is None:
        raise WorkbenchError(f"resynthesis: pyworld is not installed; {extras.ANNOTATE.install_command}")
    with suppress(ImportError):
        import pkg_resources  # noqa: F401
    standing_in = "pkg_resources" not in sys.modules
    if standing_in:  # pyworld 0.3.5 imports it only for its own version, and setuptools no longer has it
        module = types.ModuleType("pkg_resources")
        module.get_distribution = lambda name: types.SimpleNamespace(version=version(name))  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = module
    try:
        import pyworld
    finally:
        if standing_in:
            del sys.modules["pkg_resources"]
    return pyworld


def _is_loud(sound: Floats, sample_rate_hz: int, times_s: Floats) -> NDArray[np.bool_]:
    """Whether the level around each time, in 25 ms, is at most 40 dB below that of the loudest tenth."""
    half = round(0.0125 * sample_rate_hz)
    energy = np.concatenate([[0.0], np.cumsum(sound**2)])
    middle = np.round(times_s * sample_rate_hz).astype(int)
    first, last = np.clip(middle - half, 0, len(sound)), np.clip(middle + half, 0, len(sound))
    power = (energy[last] - energy[first]) / (2 * half)
    return np.asarray(power > np.quantile(power, 0.9) * 10 ** (-_BELOW_LOUD_DB / 10))


def _cleaned(hz: Floats, voiced: NDArray[np.bool_]) -> Floats:
    """Returns the f0 of the longer voiced parts, smoothed in log frequency; 0 elsewhere."""
    voiced = voiced & (hz > 0)
    cents = 1200 * np.log2(np.where(voiced, hz, 1.0))
    jumps = np.abs(np.diff(cents)) > _LONGEST_JUMP_CENTS
    voiced[:-1] &= ~jumps
    window = np.hanning(_SMOOTHED_FRAMES + 2)[1:-1]
    cleaned = np.zeros_like(hz)
    for first, end in _parts(voiced):
        if end - first >= _SHORTEST_FRAMES:
            padded = np.pad(cents[first:end], _SMOOTHED_FRAMES // 2, mode="edge")
            cleaned[first:end] = 2 ** (np.convolve(padded, window / window.sum(), "valid") / 1200)
    return cleaned


def _parts(voiced: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yields the first frame and the end of each voiced part."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced.astype(int), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
