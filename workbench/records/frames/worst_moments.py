"""The worst moments of a variant: the second of audio around the frames that deviate most from the baseline, and the
seconds with most frames that are wrong against the known f0.

A run stores those seconds beside its frames, so that a report needs no other audio. If it did not store them, they are
cut from the clip, if there is one with that name and sha256.
"""

import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from workbench.audio.clip_catalog import ClipCatalog
from workbench.audio.decode import Clip, file_stem
from workbench.errors import AudioError
from workbench.records.frames.stored import ClipFrames
from workbench.records.result import MOMENTS_FOLDER, Result
from workbench.runtime.session import Floats
from workbench.storage.atomic import write_atomic

MAX_MOMENTS, MIN_DISTANCE_S, LENGTH_S = 5, 1.0, 1.0
_PLAYBACK_HZ = 12_000  # enough for the pitch of a voice; the page holds dozens of these seconds
_WRONG_CENTS = 50.0  # as in raw pitch accuracy
_FADE_S = 0.005  # without a fade the cut clicks


@dataclass(frozen=True)
class Moment:
    """A frame of a clip: `at_s` is the end of its hop, `cents` is variant - baseline (None if not finite), and the
    second around it starts at `from_s`.

    If `known_frames` is not 0, the moment is one against the known f0: `cents` is variant - known f0, and of so many
    frames of known pitch in the second, `wrong_frames` are at least 50 cents off.
    """

    clip: str
    at_s: float
    from_s: float
    cents: float | None
    wrong_frames: int = 0
    known_frames: int = 0

    @property
    def file_name(self) -> str:
        """The name of the audio file of this moment."""
        against = "-known-f0" if self.known_frames else ""
        return f"{file_stem(self.clip)}-{self.at_s:.3f}s{against}.wav"


def worst(clips: Sequence[ClipFrames]) -> list[Moment]:
    """Returns the voiced frames that deviate most: at most MAX_MOMENTS, and at least MIN_DISTANCE_S between two in the
    same clip.

    A frame that is not finite comes before all finite ones. Frames that are equal on both sides are left out.
    """
    deviating = [
        (abs(cents) if np.isfinite(cents) else np.inf, clip, frame)
        for clip in clips
        for frame, cents in zip(np.flatnonzero(clip.voiced), clip.cents[clip.voiced], strict=True)
        if cents != 0
    ]
    chosen: list[Moment] = []
    for _, clip, frame in sorted(deviating, key=lambda each: each[0], reverse=True):
        time_s = float(clip.time_s[frame])
        if len(chosen) == MAX_MOMENTS:
            break
        if any(moment.clip == clip.clip and abs(moment.at_s - time_s) < MIN_DISTANCE_S for moment in chosen):
            continue
        cents = float(clip.cents[frame])
        chosen.append(Moment(clip.clip, time_s, _from_s(clip, time_s), cents if np.isfinite(cents) else None))
    return chosen


def worst_known(clips: Sequence[ClipFrames]) -> list[Moment]:
    """Returns the seconds with most frames of known pitch that the variant has wrong by 50 cents or more.

    At most MAX_MOMENTS, and at least MIN_DISTANCE_S between two in the same clip. A frame that is not finite is wrong.
    The frame of a moment is the middle one of the wrong frames in the second.
    """
    seconds = sorted((second for clip in clips for second in _wrong_seconds(clip)), key=lambda each: -each.wrong_frames)
    chosen: list[Moment] = []
    for second in seconds:
        near = any(other.clip == second.clip and abs(other.from_s - second.from_s) < MIN_DISTANCE_S for other in chosen)
        if len(chosen) < MAX_MOMENTS and not near:
            chosen.append(second)
    return chosen


def _wrong_seconds(clip: ClipFrames) -> Iterator[Moment]:
    """Yields the second around each wrong frame."""
    cents = clip.error_cents
    if cents is None or clip.known_hz is None:
        return
    known = clip.known_hz > 0
    wrong = np.flatnonzero(known & ~(np.abs(cents) < _WRONG_CENTS))
    for frame in wrong:
        from_s = _from_s(clip, float(clip.time_s[frame]))
        first, end = np.searchsorted(clip.time_s, (from_s, from_s + LENGTH_S), side="right")
        inside = wrong[(wrong >= first) & (wrong < end)]
        middle = inside[len(inside) // 2]
        error = float(cents[middle])
        yield Moment(
            clip.clip,
            float(clip.time_s[middle]),
            from_s,
            error if np.isfinite(error) else None,
            wrong_frames=len(inside),
            known_frames=int(known[first:end].sum()),
        )


def _from_s(clip: ClipFrames, time_s: float) -> float:
    """Returns where the second around a time starts, within the clip."""
    return min(max(0.0, time_s - LENGTH_S / 2), max(0.0, float(clip.time_s[-1]) - LENGTH_S))


def wav_of(moment: Moment, samples: Floats, sample_rate_hz: int) -> bytes:
    """Returns the second around a moment as a WAV file: mono, 16 bits, at 12 kHz or the clip's rate if that is lower.

    Args:
        moment: The moment.
        samples: (n,) float32, the whole clip.
        sample_rate_hz: The rate of the samples.
    """
    first = round(moment.from_s * sample_rate_hz)
    cut = samples[first : first + round(LENGTH_S * sample_rate_hz)]
    rate_hz = min(_PLAYBACK_HZ, sample_rate_hz)
    if rate_hz != sample_rate_hz:
        cut = soxr.resample(cut, sample_rate_hz, rate_hz)
    ramp = np.linspace(0, 1, max(1, min(round(_FADE_S * rate_hz), len(cut))), dtype=np.float32)
    cut = np.clip(cut, -1, 1)
    cut[: len(ramp)] *= ramp
    cut[len(cut) - len(ramp) :] *= ramp[::-1]
    content = io.BytesIO()
    soundfile.write(content, cut, rate_hz, "PCM_16", format="WAV")
    return content.getvalue()


def save_clips_around(folder: Path, moments: Sequence[Moment], clips: Sequence[Clip]) -> None:
    """Stores the second around each moment in a variant's folder, and deletes those of an earlier run."""
    shutil.rmtree(folder / MOMENTS_FOLDER, ignore_errors=True)
    by_name = {clip.name: clip for clip in clips}
    for moment in moments:
        clip = by_name[moment.clip]
        write_atomic(folder / MOMENTS_FOLDER / moment.file_name, wav_of(moment, clip.samples, clip.sample_rate_hz))


def sound_of(moment: Moment, record: Result, folder: Path, catalog: ClipCatalog | None) -> tuple[bytes | None, str]:
    """Returns the second around a moment as a WAV file and "", or None and the reason why there is none."""
    path = folder / MOMENTS_FOLDER / moment.file_name
    if path.is_file():
        return path.read_bytes(), ""
    used = next((clip for clip in record.audio if clip.name == moment.clip and clip.role == "score"), None)
    if catalog is None or used is None or moment.clip not in catalog.clips():
        return None, "the run stored no audio of it, and there is no clip of that name"
    try:
        clip = catalog.read(moment.clip, _PLAYBACK_HZ, used.channel or "mix")
    except AudioError as error:
        return None, f"the run stored no audio of it, and the clip cannot be read ({error})"
    if clip.sha256 != used.sha256:
        return None, "the run stored no audio of it, and the clip of that name has changed since"
    return wav_of(moment, clip.samples, clip.sample_rate_hz), ""
