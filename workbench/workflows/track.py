"""An exported program on any audio file: the answer that a user of the `pesto` command expects."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations import ANNOTATION_SUFFIX
from workbench.audio.decode import AUDIO_SUFFIXES, read_clip
from workbench.errors import ProgramError, WorkbenchError
from workbench.recipe.stream_config import StreamConfig
from workbench.report.plots.contours import track_png
from workbench.runtime.isolation import OPEN_LIMIT_S, IsolatedProcess
from workbench.runtime.open_program import describe_program, run_program
from workbench.runtime.session import frame_end_s
from workbench.units import semitones_to_hz

FORMATS = (".csv", ".json", ".png")
_DRAWN_FROM = 0.5  # so much confidence, where nobody says
_RUNS_WITHIN = 200.0  # times the audio; portable kernels, the slowest there are, take some fifteen


@dataclass(frozen=True)
class Track:
    """Estimates of a whole file; each array is (frames,). A frame's time is the middle of its analysis window.

    `confidence_threshold`: a frame of less confidence is unvoiced, if there is one.
    """

    audio: Path
    program: Path
    stream: StreamConfig
    time_s: NDArray[np.float64]
    pitch_semitones: NDArray[np.float32]
    confidence: NDArray[np.float32]
    confidence_threshold: float | None = None

    @property
    def frequency_hz(self) -> NDArray[np.float64]:
        """0 where unvoiced, as in annotations of f0 and in mir_eval."""
        hz = semitones_to_hz(self.pitch_semitones)
        if self.confidence_threshold is None:
            return hz
        return np.where(self.confidence >= self.confidence_threshold, hz, 0.0)


def check_out(out: Path, audio: Path) -> None:
    """Raise WorkbenchError where a track would take the place of the known f0 of that audio, or of any other."""
    there = sorted(out.parent.iterdir()) if out.parent.is_dir() else []
    for clip in (audio, *(path for path in there if path.suffix.lower() in AUDIO_SUFFIXES)):
        if clip.with_suffix(ANNOTATION_SUFFIX).resolve() == out.resolve():
            raise WorkbenchError(f"{out}: is where the known f0 of {clip} lies; name another --out")


def track(audio: Path, program: Path, confidence_threshold: float | None = None) -> Track:
    """Run the program, in a process of its own, over a file at the program's own rate.

    `confidence_threshold` takes the place of the program's own, if it has one: 0 filters nothing.

    The stream is flushed with silence, so that the end of the file is answered as well.
    Raises AudioError or ProgramError.
    """
    with IsolatedProcess(OPEN_LIMIT_S) as child:
        metadata = child.call(describe_program, program)
        stream, algorithmic_ms = metadata.stream, metadata.algorithmic_ms
        if "confidence" not in metadata.outputs:
            raise ProgramError(f"{program}: returns no confidence, and a track needs it; build it with all outputs")
        if confidence_threshold is None:
            confidence_threshold = metadata.confidence_threshold
        clip = read_clip(audio, stream.sample_rate_hz)
        child.limit_s = OPEN_LIMIT_S + _RUNS_WITHIN * clip.duration_s
        flush = np.zeros(round(algorithmic_ms * stream.sample_rate_hz / 1000), np.float32)
        (frames,) = child.call(run_program, program, [np.concatenate([clip.samples, flush])])
    time_s = frame_end_s(len(frames), stream) - algorithmic_ms / 1000
    inside = (time_s >= 0) & (time_s <= clip.duration_s)
    pitch_semitones, confidence = frames.pitch_semitones[inside], frames.confidence[inside]
    return Track(audio, program, stream, time_s[inside], pitch_semitones, confidence, confidence_threshold)


def as_csv(track: Track) -> str:
    """The columns, units and digits of the `pesto` command: milliseconds, hertz, confidence."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("time", "frequency", "confidence"))
    for time_s, hz, confidence in zip(track.time_s, track.frequency_hz, track.confidence, strict=True):
        table.writerow((f"{1000 * time_s:.3f}", f"{hz:.3f}", f"{confidence:.3f}"))
    return text.getvalue()


def as_json(track: Track) -> str:
    """The same columns by name, with the stream they were made with.

    Raises ProgramError where a frame is not finite: JSON has no such number.
    """
    broken = np.flatnonzero(~(np.isfinite(track.frequency_hz) & np.isfinite(track.confidence)))
    if len(broken):
        at_ms = 1000 * track.time_s[broken[0]]
        raise ProgramError(
            f"{track.program}: frame {broken[0]}, at {at_ms:.0f} ms of {track.audio}, is not finite, and JSON has no "
            "such number; a .csv shows it"
        )
    return json.dumps(
        {
            "audio": str(track.audio),
            "program": str(track.program),
            "sample_rate_hz": track.stream.sample_rate_hz,
            "hop_samples": track.stream.hop_samples,
            **({} if track.confidence_threshold is None else {"confidence_threshold": track.confidence_threshold}),
            "time_ms": np.round(1000 * track.time_s, 3).tolist(),
            "frequency_hz": np.round(track.frequency_hz, 3).tolist(),
            "confidence": np.round(track.confidence.astype(np.float64), 4).tolist(),
        },
        allow_nan=False,
    )


def as_png(track: Track, threshold: float | None = None) -> bytes:
    """Confidence, and pitch where it reaches this threshold, or else the track's own, or else 0.5."""
    if threshold is None:
        threshold = _DRAWN_FROM if track.confidence_threshold is None else track.confidence_threshold
    return track_png(track.time_s, track.pitch_semitones, track.confidence, track.audio.name, threshold)


def encode(track: Track, suffix: str, threshold: float | None = None) -> bytes:
    """The content of a file of this kind; `threshold` is a picture's, as in `as_png`.

    Raises WorkbenchError for a kind that is not one of FORMATS, ProgramError as `as_json`.
    """
    if suffix == ".csv":
        return as_csv(track).encode()
    if suffix == ".json":
        return as_json(track).encode() + b"\n"
    if suffix == ".png":
        return as_png(track, threshold)
    raise WorkbenchError(f"{suffix or 'no suffix'}: cannot write that; use {', '.join(FORMATS)}")
