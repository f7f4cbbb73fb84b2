"""The worst moments of a variant: the frames that deviate most, and the second around each, to be looked at and heard.

A run keeps those seconds beside its frames, so that a report needs nothing else. Where they were not kept, they are cut
from the clip, if one of that name and sha256 is still there.
"""

import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from workbench.audio.corpus import Corpus
from workbench.audio.decode import Clip, file_stem
from workbench.errors import AudioError
from workbench.records.frames import ClipFrames
from workbench.records.result import Result
from workbench.runtime.session import Floats
from workbench.storage.atomic import write_atomic

MOMENTS_FOLDER = "moments"
MOST, APART_S, LASTS_S = 5, 1.0, 1.0
_HEARD_HZ = 12_000  # enough for a voice's pitch; the page holds dozens of these seconds
_FADE_S = 0.005  # a cut in the middle of a wave clicks


@dataclass(frozen=True)
class Moment:
    """A frame of a clip: `at_s` is when its hop ends, `cents` variant - baseline (None where not finite), and the
    second around it starts at `from_s`."""

    clip: str
    at_s: float
    from_s: float
    cents: float | None

    @property
    def file_name(self) -> str:
        return f"{file_stem(self.clip)}-{self.at_s:.3f}s.wav"


def worst(clips: Sequence[ClipFrames]) -> list[Moment]:
    """The voiced frames that deviate most, at most MOST and at least APART_S from each other; equal frames are none.

    A frame that is not finite comes before any that is.
    """
    found = [
        (abs(cents) if np.isfinite(cents) else np.inf, at, frame)
        for at, clip in enumerate(clips)
        for frame, cents in zip(np.flatnonzero(clip.voiced), clip.cents[clip.voiced], strict=True)
        if cents != 0
    ]
    chosen: list[Moment] = []
    for _, at, frame in sorted(found, key=lambda one: one[0], reverse=True):
        clip, time_s = clips[at], float(clips[at].time_s[frame])
        if len(chosen) == MOST:
            break
        if any(other.clip == clip.clip and abs(other.at_s - time_s) < APART_S for other in chosen):
            continue
        latest_s = max(0.0, float(clip.time_s[-1]) - LASTS_S)
        from_s = min(max(0.0, time_s - LASTS_S / 2), latest_s)
        cents = float(clip.cents[frame])
        chosen.append(Moment(clip.clip, time_s, from_s, cents if np.isfinite(cents) else None))
    return chosen


def wav_of(moment: Moment, samples: Floats, sample_rate_hz: int) -> bytes:
    """The second around a moment of a clip (n,) as a WAV file: mono, 16 bits, at 12 kHz or the clip's rate if lower."""
    first = round(moment.from_s * sample_rate_hz)
    cut = samples[first : first + round(LASTS_S * sample_rate_hz)]
    rate_hz = min(_HEARD_HZ, sample_rate_hz)
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
    """Store the seconds in a variant's folder, in place of those of an earlier run."""
    shutil.rmtree(folder / MOMENTS_FOLDER, ignore_errors=True)
    by_name = {clip.name: clip for clip in clips}
    for moment in moments:
        clip = by_name[moment.clip]
        write_atomic(folder / MOMENTS_FOLDER / moment.file_name, wav_of(moment, clip.samples, clip.sample_rate_hz))


def sound_of(moment: Moment, record: Result, folder: Path, corpus: Corpus | None) -> tuple[bytes | None, str]:
    """The second around a moment as a WAV file, or None and why it cannot be heard."""
    path = folder / MOMENTS_FOLDER / moment.file_name
    if path.is_file():
        return path.read_bytes(), ""
    used = next((clip for clip in record.audio if clip.name == moment.clip and clip.role == "score"), None)
    if corpus is None or used is None or moment.clip not in corpus.clips():
        return None, "the run kept no audio of it, and no clip of that name is here"
    try:
        clip = corpus.read(moment.clip, _HEARD_HZ)
    except AudioError as error:
        return None, f"the run kept no audio of it, and the clip cannot be read ({error})"
    if clip.sha256 != used.sha256:
        return None, "the run kept no audio of it, and the clip of that name is another today"
    return wav_of(moment, clip.samples, clip.sample_rate_hz), ""
