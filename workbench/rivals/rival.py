"""What is known of another pitch tracker, how it is opened, and what it returns.

A rival is described without importing it: its package is optional, and some take seconds to import.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench import extras
from workbench.errors import RivalError, first_line

Floats = NDArray[np.float32]

LOWEST_HZ, HIGHEST_HZ = 40.0, 2100.0
"""The range in which every rival searches, as far as it can. Singing and the shipped clips lie in it."""

STREAMED_BLOCK_S = 0.02
ONE_WINDOW = "one window is computed for each block"


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a tracker returned for a clip.

    Attributes:
        times_s: (n,) float64: the moments to which the tracker assigns its frames, strictly increasing.
        hz: (n,) float64: the pitch, also where it is a guess in an unvoiced frame. 0 where there is not even a guess.
        voiced: (n,) bool: the tracker's own decision, at its default settings.
        voicing: (n,) float64: what a threshold is applied to, larger if more likely voiced. None if the tracker returns
            no such score.
    """

    times_s: NDArray[np.float64]
    hz: NDArray[np.float64]
    voiced: NDArray[np.bool_]
    voicing: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class Tracker:
    """A tracker that is loaded.

    Attributes:
        track: Returns the estimate of a clip: (n,) float32, mono, full scale 1.0, at the tracker's rate.
        weights: The files of weights that it has loaded. Empty if it is signal processing.
        push: Passes the next block of a stream, (n,) float32 at the tracker's rate, and computes the frame that it
            completes. None if no frame is final before the clip ends.
        block_s: The length of a block.
        streamed: How `push` works.
        shortest_s: The shortest clip that `track` accepts.
    """

    track: Callable[[Floats], Estimate]
    weights: tuple[Path, ...] = ()
    push: Callable[[Floats], object] | None = None
    block_s: float = STREAMED_BLOCK_S
    streamed: str = ""
    shortest_s: float = 0.0


class SlidingWindow:
    """Streams a tracker that decides frame by frame: each block completes one window, which gives one frame."""

    def __init__(self, window_samples: int, frame: Callable[[Floats], object]) -> None:
        self._window, self._frame = np.zeros(window_samples, np.float32), frame

    def push(self, block: Floats) -> object:
        self._window = np.concatenate([self._window, block])[-len(self._window) :]
        return self._frame(self._window)


@dataclass(frozen=True)
class Rival:
    """A tracker, described.

    Attributes:
        name: Its name here, also in tables.
        module: The module that must be importable.
        package: The package on PyPI.
        licence: The licence of the package, as an SPDX expression.
        sample_rate_hz: The rate of the audio that it receives.
        hop_samples: The distance of its frames, at that rate.
        voicing: How it decides that a frame is voiced.
        default_threshold: The smallest score of a voiced frame, by default. None if it does not threshold a score.
        lookahead: What of its method needs audio after the frame.
        advice: When a user should take it instead of PESTO.
        load: Imports the package and loads the weights.
    """

    name: str
    module: str
    package: str
    licence: str
    sample_rate_hz: int
    hop_samples: int
    voicing: str
    default_threshold: float | None
    lookahead: str
    advice: str
    load: Callable[[], Tracker]

    def open(self, extra: extras.Extra = extras.RIVALS) -> Tracker:
        """Returns the tracker, loaded.

        Args:
            extra: The extra that a message about a missing package names.

        Raises:
            RivalError: Its package is not installed or does not import, or its weights cannot be loaded.
        """
        if find_spec(self.module) is None:
            raise RivalError(f"{self.name}: {self.package} is not installed; {extra.install_command}")
        try:
            return self.load()
        except RivalError:
            raise
        except Exception as error:  # another project's code: it may raise anything
            raise RivalError(
                f"{self.name}: {self.package} cannot be loaded ({first_line(error)}); another version of it may fit"
            ) from error


def estimate(
    times_s: NDArray[np.floating], hz: NDArray[np.floating], voicing: NDArray[np.floating], threshold: float
) -> Estimate:
    """Returns the estimate of a tracker whose frames are voiced where their score reaches a threshold."""
    score = np.asarray(voicing, np.float64)
    return Estimate(np.asarray(times_s, np.float64), np.asarray(hz, np.float64), score >= threshold, score)
