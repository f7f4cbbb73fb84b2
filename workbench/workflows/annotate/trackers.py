"""The four trackers of a consensus, and what each finds in a clip."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import soxr

from workbench import extras
from workbench.audio.annotations import PitchTrack
from workbench.audio.decode import Clip
from workbench.errors import RivalError, first_line
from workbench.rivals.catalogue import CONSENSUS_VOTERS, rival_named
from workbench.rivals.rival import Rival, Tracker


@dataclass(frozen=True)
class OpenTracker:
    """A tracker that is loaded, with its description."""

    rival: Rival
    tracker: Tracker

    @property
    def label(self) -> str:
        """Its name and the version of its package."""
        return f"{self.rival.name} ({self.rival.package} {version(self.rival.package)})"

    def track(self, clip: Clip) -> PitchTrack:
        """Returns what it finds in a clip of any rate: 0 Hz where it decides that there is no voice.

        Raises:
            RivalError: It failed on the clip.
        """
        samples = soxr.resample(clip.samples, clip.sample_rate_hz, self.rival.sample_rate_hz, quality="VHQ")
        try:
            found = self.tracker.track(samples)
            return PitchTrack(found.times_s, np.where(found.voiced & (found.hz > 0), found.hz, 0.0))
        except Exception as error:  # another project's code: it may raise anything
            raise RivalError(
                f"{clip.path}: {self.rival.name} failed ({first_line(error)}); try --method resynthesis"
            ) from error


def open_trackers(opened: Callable[[], None]) -> tuple[OpenTracker, ...]:
    """Returns the trackers, loaded. Calls `opened` after each.

    Raises:
        RivalError: The package of one is not installed or cannot be loaded.
    """
    trackers = []
    for name in CONSENSUS_VOTERS:
        rival = rival_named(name)
        trackers.append(OpenTracker(rival, rival.open(extras.ANNOTATE)))
        opened()
    return tuple(trackers)
