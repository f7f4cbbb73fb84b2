"""Takes: what a microphone recorded as WAV, and the frames that were shown as CSV."""

import csv
import io
import shutil
from array import array
from datetime import datetime
from pathlib import Path

import numpy as np
import soundfile

from workbench.errors import AudioError
from workbench.live.blocks import Block
from workbench.live.pump import Step
from workbench.storage.atomic import write_atomic
from workbench.units import semitones_to_hz

MAX_TAKE_S = 600.0
COLUMNS = ("program", "time_ms", "frequency_hz", "confidence")
WAV, FRAMES = ".wav", "-frames.csv"  # NAME.csv beside NAME.wav would be its known f0


class Take:
    """A take that is being recorded. Its first block starts the sessions again, so its frames depend on it only.

    The samples are written as they are received, float32 at the rate of the browser.
    """

    def __init__(self, folder: Path, programs: tuple[str, ...], confidence_threshold: float) -> None:
        """`programs` are the names of the sessions. Raises OSError if the folder cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        self.name = _unused_name(folder)
        self._folder, self._programs, self._threshold = folder, programs, confidence_threshold
        self._partial = folder / f".{self.name}.part"
        self._file: soundfile.SoundFile | None = None
        self._begin_s = self._end_s = 0.0
        self._frames = [array("d") for _ in programs]  # time, pitch and confidence of each frame in turn

    @property
    def started(self) -> bool:
        """Whether it has received audio."""
        return self._file is not None

    @property
    def duration_s(self) -> float:
        return self._end_s - self._begin_s

    @property
    def full(self) -> bool:
        """Whether it is as long as a take can be."""
        return self.duration_s >= MAX_TAKE_S

    def add_block(self, block: Block) -> None:
        """Writes the samples of a block. All blocks have one rate."""
        if self._file is None:
            self._file = soundfile.SoundFile(self._partial, "w", block.rate_hz, 1, "FLOAT", format="WAV")
            self._begin_s = block.begin_s
        self._file.write(block.samples)
        self._end_s = block.end_s

    def add_step(self, session: int, step: Step) -> None:
        """Keeps the frames of a session, by its index."""
        if self.started:
            self._frames[session].extend(np.column_stack([step.time_s, step.pitch_semitones, step.confidence]).ravel())

    def finish(self) -> Path | None:
        """Closes the files and returns the path of the WAV file. None if no audio was received: nothing is left."""
        if self._file is None:
            return None
        self._file.close()
        wav = self._folder / f"{self.name}{WAV}"
        write_atomic(self._folder / f"{self.name}{FRAMES}", self._csv().encode())
        self._partial.replace(wav)
        return wav

    def _csv(self) -> str:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(COLUMNS)
        for name, frames in zip(self._programs, self._frames, strict=True):
            time_s, pitch_semitones, confidence = np.array(frames).reshape(-1, 3).T
            time_s = np.round(time_s - self._begin_s, 9) + 0.0  # a difference of times is not exact; no -0
            hz = np.where(confidence >= self._threshold, semitones_to_hz(pitch_semitones), 0.0)
            inside = (time_s >= 0) & (time_s <= round(self.duration_s, 9))
            columns = (values[inside].tolist() for values in (1000 * time_s, hz, confidence))  # fast to format
            table.writerows(
                (name, f"{ms:.3f}", f"{f0:.3f}", f"{sure:.3f}") for ms, f0, sure in zip(*columns, strict=True)
            )
        return text.getvalue()


def place_in_sung(wav: Path, clips_folder: Path) -> Path:
    """Copies a take into the folder of a clips folder in which recordings are scored, and returns the copy.

    Raises AudioError if it is there already.
    """
    target = clips_folder / "sung" / wav.name
    if target.exists():
        raise AudioError(f"{target}: exists already; rename or delete it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    shutil.copyfile(wav, partial)
    partial.replace(target)
    return target


def _unused_name(folder: Path) -> str:
    stem = f"take-{datetime.now():%Y%m%d-%H%M%S}"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 1000))]
    return next(name for name in names if not any(folder.glob(f"*{name}[.-]*")))
