"""Writes a known f0 for recordings: `annotate`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.audio.annotations import (
    ANNOTATION_SUFFIX,
    PitchTrack,
    StatedUnits,
    annotation_beside,
    is_annotation_of,
    read_pitch_track,
)
from workbench.audio.annotations.write import annotation_csv
from workbench.audio.decode import Clip, find_audio, read_clip, warn_of_conditions
from workbench.bundle.golden import encode_wav
from workbench.errors import AudioError
from workbench.progress import Progress
from workbench.recipe import Channel
from workbench.rivals.catalogue import CONSENSUS_VOTERS
from workbench.storage.atomic import write_atomic
from workbench.storage.hashing import sha256_of
from workbench.workflows.annotate.consensus import AGREEING, WITHIN_CENTS, consensus
from workbench.workflows.annotate.resynthesis import resynthesize, world_label
from workbench.workflows.annotate.trackers import OpenTracker, open_trackers

Method = Literal["consensus", "resynthesis"]
METHODS: tuple[Method, ...] = ("consensus", "resynthesis")

SUNG_AGAIN = "-resynthesis"
_READ_RATE_HZ = 44_100
_STEP_S = 0.010
_SHORTEST_S = 0.2  # two windows of pYIN
_RATES_HZ = (16_000, 48_000)  # of what is sung again: WORLD needs the octaves above the voice, and no more


@dataclass(frozen=True)
class Annotated:
    """A known f0 that was written.

    Attributes:
        audio: The file whose f0 it is.
        file: The file of the f0.
        track: The f0.
        method: How it was made.
    """

    audio: Path
    file: Path
    track: PitchTrack
    method: str

    @property
    def counts(self) -> dict[str, int]:
        """The number of frames by what is known of them."""
        hz = self.track.hz
        return {"voiced": int((hz > 0).sum()), "unvoiced": int((hz == 0).sum()), "unknown": int(np.isnan(hz).sum())}


class Annotator:
    """Annotates recordings by one method. Its packages are loaded once.

    Args:
        method: How the f0 is found.
        folder: Where files are written; None: beside each recording.
        channel: Which channel of a recording is read.
        overwrite: Whether files that exist are replaced.
        progress: Receives the stages.
    """

    def __init__(
        self, method: Method, folder: Path | None, channel: Channel, overwrite: bool, progress: Progress
    ) -> None:
        self._method, self._folder, self._channel = method, folder, channel
        self._overwrite, self._progress = overwrite, progress
        self._trackers: tuple[OpenTracker, ...] = ()

    def annotate(self, audio: Path) -> Annotated:
        """Writes the known f0 of a recording, and with "resynthesis" the recording to which it belongs.

        Raises:
            AudioError: The recording cannot be read, is too short or has no voice, or a file would be replaced.
            RivalError: The package of a tracker is not installed, or the tracker failed.
            WorkbenchError: pyworld is not installed.
        """
        if self._method == "consensus":
            return self._by_consensus(audio)
        return self._by_resynthesis(audio)

    def _by_consensus(self, audio: Path) -> Annotated:
        file = check_target(audio, self._folder, self._overwrite)
        clip = self._read(audio, _READ_RATE_HZ)
        if not self._trackers:
            with self._progress.stage("load the trackers", len(CONSENSUS_VOTERS)) as advance:
                self._trackers = open_trackers(lambda: advance(1))
        tracks = []
        with self._progress.stage(f"{audio.name}: track the pitch", len(self._trackers)) as advance:
            for tracker in self._trackers:
                tracks.append(tracker.track(clip))
                advance(1)
        track = consensus(np.arange(0, clip.duration_s, _STEP_S), tracks)
        if not (track.hz > 0).any():
            raise AudioError(
                f"{audio}: has no frame on which {AGREEING} of {len(tracks)} trackers agree on a pitch; use a "
                "recording of one voice, or --method resynthesis"
            )
        facts = {
            "method": f"at least {AGREEING} of {len(tracks)} trackers agree within {WITHIN_CENTS:g} cents",
            "trackers": ", ".join(tracker.label for tracker in self._trackers),
            "audio_sha256": clip.sha256,
        }
        write_atomic(file, annotation_csv(track, facts).encode())
        return Annotated(audio, file, track, "consensus")

    def _by_resynthesis(self, audio: Path) -> Annotated:
        wav = (self._folder or audio.parent) / f"{audio.stem}{SUNG_AGAIN}.wav"
        file = check_target(wav, None, self._overwrite)
        if wav.exists() and not self._overwrite:
            raise AudioError(f"{wav}: exists already; --overwrite replaces it")
        clip = self._read(audio, _READ_RATE_HZ)
        rate_hz = int(np.clip(clip.source_rate_hz, *_RATES_HZ))
        if rate_hz != _READ_RATE_HZ:
            clip = read_clip(audio, rate_hz, channel=self._channel, with_f0=False)
        with self._progress.stage(f"{audio.name}: sing it again"):
            samples, track = resynthesize(clip.samples, rate_hz)
        if not (track.hz > 0).any():
            raise AudioError(f"{audio}: has no voice of 50 ms that could be sung again; use a recording of one voice")
        content = encode_wav(samples[None], rate_hz)
        facts = {"method": world_label(), "source_sha256": clip.sha256, "audio_sha256": sha256_of(content)}
        write_atomic(file, annotation_csv(track, facts).encode())
        write_atomic(wav, content)
        return Annotated(wav, file, track, "resynthesis")

    def _read(self, audio: Path, rate_hz: int) -> Clip:
        clip = read_clip(audio, rate_hz, channel=self._channel, with_f0=False)
        if clip.duration_s < _SHORTEST_S:
            raise AudioError(
                f"{audio}: has {clip.duration_s:.3f} s, at least {_SHORTEST_S:g} s are needed; record more"
            )
        warn_of_conditions([clip])
        return clip


def convert(audio: Path, source: Path, stated: StatedUnits, folder: Path | None, overwrite: bool) -> Annotated:
    """Writes an annotation in another format or unit as the known f0 of a recording.

    Args:
        audio: The recording.
        source: The annotation.
        stated: The units of its columns; the sample rate is the recording's.
        folder: Where the file is written; None: beside the recording.
        overwrite: Whether a file that exists is replaced.

    Raises:
        AudioError: The recording or the annotation cannot be read, they do not belong together, or a file would be
            replaced.
    """
    if folder is None and is_annotation_of(source, audio) and source.parent.resolve() == audio.parent.resolve():
        raise AudioError(f"{source}: is the known f0 of {audio} already; move it to another folder, or choose an --out")
    file = check_target(audio, folder, overwrite)
    clip = read_clip(audio, _READ_RATE_HZ, with_f0=False)
    if stated.time == "samples":
        stated = replace(stated, sample_rate_hz=clip.source_rate_hz)
    track = read_pitch_track(source, clip.duration_s, clip.sha256, stated)
    method = f"from {source.name}"
    write_atomic(file, annotation_csv(track, {"method": method, "audio_sha256": clip.sha256}).encode())
    return Annotated(audio, file, track, method)


def check_target(audio: Path, folder: Path | None, overwrite: bool) -> Path:
    """Returns the file of the known f0 of an audio file.

    Raises:
        AudioError: The audio has a known f0, or the file exists, and it must not be replaced.
    """
    file = (folder or audio.parent) / f"{audio.stem}{ANNOTATION_SUFFIX}"
    beside = annotation_beside(file.with_name(audio.name))
    if beside is not None and beside.name != file.name:
        raise AudioError(f"{beside}: would be a second known f0 beside {file.name}; delete it or choose another --out")
    if file.exists() and not overwrite:
        raise AudioError(f"{file}: is the known f0 of {audio.name} already; --overwrite replaces it")
    return file


def recordings(paths: Sequence[Path]) -> list[Path]:
    """Returns the recordings at some paths. Those of a folder that a resynthesis wrote are left out.

    Raises AudioError if a path does not exist or a folder has no audio.
    """
    return [file for path in paths for file in find_audio(path) if file == path or not file.stem.endswith(SUNG_AGAIN)]
