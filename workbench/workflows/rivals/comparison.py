"""What a comparison with other trackers needs, checked before anything is built."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from workbench import extras
from workbench.audio.clip_catalog import ClipCatalog
from workbench.audio.decode import Clip
from workbench.errors import RivalError
from workbench.progress import Progress
from workbench.recipe import Channel
from workbench.rivals.catalogue import RIVALS, rival_named
from workbench.rivals.rival import Rival
from workbench.workflows.rivals.clips import load_clips


@dataclass(frozen=True, eq=False)
class Comparison:
    """The other trackers, and the clips of both roles. All clips have a known f0."""

    rivals: tuple[Rival, ...]
    calibration: tuple[Clip, ...]
    scored: tuple[Clip, ...]


def prepare_comparison(
    names: Sequence[str], catalog: ClipCatalog, audio: Sequence[Path], channel: Channel, progress: Progress
) -> Comparison:
    """Returns the comparison with the trackers of these names, or with all.

    Args:
        names: Names of trackers.
        catalog: The rendered clips, for calibration, and for scoring without `audio`.
        audio: Files and folders of recordings to score.
        channel: Which channel of the recordings is read.
        progress: Receives the stages.

    Raises:
        RivalError: There is no tracker of a name, or the package of none is installed.
        AudioError: As `load_clips` raises it.
    """
    rivals = tuple(map(rival_named, names)) or RIVALS
    calibration, scored = load_clips(catalog, audio, channel, progress)
    if not any(find_spec(rival.module) for rival in rivals):
        packages = ", ".join(dict.fromkeys(rival.package for rival in rivals))
        raise RivalError(f"rivals: {packages}: not installed; {extras.RIVALS.install_command}")
    return Comparison(rivals, tuple(calibration), tuple(scored))
