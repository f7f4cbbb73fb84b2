"""The clips of `rivals`: those of the catalog, or the user's, each with a known f0."""

from collections.abc import Sequence
from pathlib import Path

from workbench.audio.clip_catalog import SYNTHETIC_CALIBRATE, SYNTHETIC_SCORE, ClipCatalog, check_disjoint
from workbench.audio.decode import Clip, find_audio, read_clip, warn_of_conditions
from workbench.errors import AudioError, RivalError
from workbench.progress import Progress
from workbench.recipe import Channel

_RATE_HZ = 48_000  # of the clips here; each tracker reads them at its own rate
_ADVICE = "put it beside the audio as NAME.csv, or let `workbench annotate` write one"


def load_clips(
    catalog: ClipCatalog, audio: Sequence[Path], channel: Channel, progress: Progress
) -> tuple[list[Clip], list[Clip]]:
    """Returns the rendered clips for calibration, and the clips to score: the recordings, or the rendered ones.

    Args:
        catalog: The clips that are rendered.
        audio: Files and folders of recordings. The clips without a known f0 in a folder are left out.
        channel: Which channel of the recordings is read.
        progress: Receives the stages.

    Raises:
        AudioError: A clip cannot be read, a named file has no known f0, a folder has no clip with one, or a clip is in
            both roles.
        RivalError: The calibration clips do not have voiced and unvoiced parts.
    """
    names = catalog.match([f"{SYNTHETIC_CALIBRATE}/*"])
    scored_names = [] if audio else catalog.match([f"{SYNTHETIC_SCORE}/*"])
    recordings = [file for path in audio for file in find_audio(path)]
    with progress.stage("audio", len(names) + len(scored_names) + len(recordings)) as advance:
        calibration: list[Clip] = []
        scored: list[Clip] = []
        for clips, role in ((calibration, names), (scored, scored_names)):
            for name in role:
                clips.append(catalog.read(name, _RATE_HZ))
                advance(1)
        for file in recordings:
            scored.append(read_clip(file, _RATE_HZ, channel=channel))
            advance(1)
    scored = _with_known_f0(scored, audio)
    if not any(clip.f0 is not None and (clip.f0.hz > 0).any() for clip in calibration):
        raise RivalError(
            f"{catalog.root}: no clip for calibration has a known, voiced f0; add one to its manifest.yaml"
        )
    check_disjoint(calibration, scored)
    warn_of_conditions(clip for clip in scored if not catalog.renders(clip))
    return calibration, scored


def _with_known_f0(clips: Sequence[Clip], audio: Sequence[Path]) -> list[Clip]:
    """Returns the clips that have a known f0. Raises AudioError if a named file has none, or a folder none at all."""
    known = [clip for clip in clips if clip.f0 is not None and (clip.f0.hz >= 0).any()]
    for path in audio:
        if path.is_dir():
            if not any(clip.path.parent == path for clip in known):
                raise AudioError(f"{path}: no clip in it has a known f0; {_ADVICE}")
        elif not any(clip.path == path for clip in known):
            raise AudioError(f"{path}: has no known f0; {_ADVICE}")
    return known
