"""The pitch of an audio file, estimated by an exported program, in the formats of the `pesto` command.

Modules that need torch or matplotlib are imported inside the functions: mistakes in the arguments are reported first.
"""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.audio.annotations import is_annotation_of
from workbench.audio.decode import AUDIO_SUFFIXES, read_clip, warn_of_conditions
from workbench.errors import ProgramError, WorkbenchError
from workbench.recipe import Channel
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.isolation import OPEN_LIMIT_S, IsolatedProcess
from workbench.runtime.session import frame_end_s
from workbench.storage.atomic import write_atomic
from workbench.units import semitones_to_hz
from workbench.workflows.input_files import check_audio, check_programs

FORMATS = (".csv", ".json", ".png")
COLUMNS = ("time_ms", "frequency_hz", "confidence")
_RUN_LIMIT_PER_S = 200.0  # seconds per second of audio; portable kernels, the slowest, take about 15


@dataclass(frozen=True)
class Track:
    """Estimates of a whole file; each array is (frames,). A frame's time is the middle of its analysis window.

    A frame whose confidence is below `confidence_threshold` is unvoiced.
    """

    audio: Path
    program: Path
    stream: StreamConfig
    time_s: NDArray[np.float64]
    pitch_semitones: NDArray[np.float32]
    confidence: NDArray[np.float32]
    confidence_threshold: float

    @property
    def frequency_hz(self) -> NDArray[np.float64]:
        """(frames,) float64. 0 if unvoiced, as in annotations of f0 and in mir_eval."""
        return np.where(self.confidence >= self.confidence_threshold, semitones_to_hz(self.pitch_semitones), 0.0)

    @property
    def hidden_frames(self) -> int:
        """The number of frames without a pitch."""
        return int((self.confidence < self.confidence_threshold).sum())


def check_out(out: Path, audio: Path) -> Path | None:
    """Checks that a track at `out` replaces no known f0. A track that an earlier call wrote is replaced.

    Returns:
        The audio file whose known f0 has the name `out`: `audio`, or one beside `out`. None if there is none.

    Raises:
        WorkbenchError: `out` is a known f0, or would be one of a recording in the `sung` folders of a clips folder,
            which many recipes score.
    """
    neighbours = sorted(out.parent.iterdir()) if out.parent.is_dir() else []
    clips = (audio, *(path for path in neighbours if path.suffix.lower() in AUDIO_SUFFIXES))
    clip = next(
        (clip for clip in clips if clip.parent.resolve() == out.parent.resolve() and is_annotation_of(out, clip)), None
    )
    if clip is None:
        return None
    if out.exists() and not _is_track(out):
        raise WorkbenchError(f"{out}: would replace the known f0 of {clip}; choose another --out")
    from workbench.audio.clip_catalog import holds_recordings  # imports scipy, and few tracks come this far

    if holds_recordings(out.parent):
        raise WorkbenchError(f"{out}: runs would read this file as the known f0 of {clip}; choose another --out")
    return clip


def _is_track(path: Path) -> bool:
    """Whether `track` wrote this file, by its first line."""
    try:
        with path.open("rb") as file:
            return file.readline().strip() == ",".join(COLUMNS).encode()
    except OSError:
        return False


def track(audio: Path, program: Path, confidence_threshold: float | None = None, channel: Channel = "mix") -> Track:
    """Runs a program, in a child process, on an audio file at the program's rate.

    The program receives silence after the file, so that the end of the file has estimates too.

    Args:
        audio: An audio file of any rate and number of channels.
        program: An exported program with pitch and confidence among its outputs.
        confidence_threshold: Overrides the program's threshold, or DISPLAY_THRESHOLD if it has none. With 0 every frame
            is voiced.
        channel: Which channel of the audio file is read.

    Raises:
        AudioError: The audio file is missing, cannot be read, or does not have the channel.
        ProgramError: The program is missing, does not run, or returns no confidence.
    """
    check_programs([program])
    check_audio(audio)
    from workbench.runtime.open_program import describe_program, run_program

    with IsolatedProcess(OPEN_LIMIT_S) as child:
        metadata = child.call(describe_program, program)
        stream, algorithmic_ms = metadata.stream, metadata.algorithmic_ms
        if "confidence" not in metadata.outputs:
            raise ProgramError(f"{program}: returns no confidence, and a track needs it; build it with all outputs")
        if confidence_threshold is None:
            confidence_threshold = metadata.display_threshold
        clip = read_clip(audio, stream.sample_rate_hz, channel=channel)
        warn_of_conditions([clip])
        child.limit_s = OPEN_LIMIT_S + _RUN_LIMIT_PER_S * clip.duration_s
        flush = np.zeros(round(algorithmic_ms * stream.sample_rate_hz / 1000), np.float32)
        (frames,) = child.call(run_program, program, [np.concatenate([clip.samples, flush])])
    time_s = frame_end_s(len(frames), stream) - algorithmic_ms / 1000
    inside = (time_s >= 0) & (time_s <= clip.duration_s)
    pitch_semitones, confidence = frames.pitch_semitones[inside], frames.confidence[inside]
    return Track(audio, program, stream, time_s[inside], pitch_semitones, confidence, confidence_threshold)


def as_csv(track: Track) -> str:
    """Returns CSV with the columns and digits of the `pesto` command, and the unit of each column in its name."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for time_s, hz, confidence in zip(track.time_s, track.frequency_hz, track.confidence, strict=True):
        table.writerow((f"{1000 * time_s:.3f}", f"{hz:.3f}", f"{confidence:.3f}"))
    return text.getvalue()


def as_json(track: Track) -> str:
    """Returns the same columns as JSON, with the stream. Raises ProgramError if a frame is not finite."""
    broken = np.flatnonzero(~(np.isfinite(track.frequency_hz) & np.isfinite(track.confidence)))
    if len(broken):
        at_ms = 1000 * track.time_s[broken[0]]
        raise ProgramError(
            f"{track.program}: frame {broken[0]}, at {at_ms:.0f} ms of {track.audio}, is not finite, which JSON "
            "cannot hold; write a .csv"
        )
    return json.dumps(
        {
            "audio": str(track.audio),
            "program": str(track.program),
            "sample_rate_hz": track.stream.sample_rate_hz,
            "hop_samples": track.stream.hop_samples,
            "confidence_threshold": track.confidence_threshold,
            "time_ms": np.round(1000 * track.time_s, 3).tolist(),
            "frequency_hz": np.round(track.frequency_hz, 3).tolist(),
            "confidence": np.round(track.confidence.astype(np.float64), 4).tolist(),
        },
        allow_nan=False,
    )


def as_png(track: Track, threshold: float | None = None) -> bytes:
    """Returns a picture of confidence and pitch.

    Args:
        track: The track to draw.
        threshold: The lowest confidence at which pitch is drawn. By default the track's threshold.
    """
    from workbench.report.plots.contours import track_png

    if threshold is None:
        threshold = track.confidence_threshold
    return track_png(track.time_s, track.pitch_semitones, track.confidence, track.audio.name, threshold)


def encode(track: Track, suffix: str, threshold: float | None = None) -> bytes:
    """Returns the content of a file with this suffix.

    Args:
        track: The track to encode.
        suffix: One of FORMATS.
        threshold: For a picture, as `as_png` has it.

    Raises:
        WorkbenchError: The suffix is not one of FORMATS.
        ProgramError: A frame is not finite, and the format is JSON.
    """
    if suffix == ".csv":
        return as_csv(track).encode()
    if suffix == ".json":
        return as_json(track).encode() + b"\n"
    if suffix == ".png":
        return as_png(track, threshold)
    raise WorkbenchError(f"{suffix or 'no suffix'}: unknown format; use {', '.join(FORMATS)}")


def write_track(track: Track, path: Path, threshold: float | None) -> None:
    """Writes the frames in the format of the path's suffix; `threshold` is as in `encode`."""
    write_atomic(path, encode(track, path.suffix.lower(), threshold))
