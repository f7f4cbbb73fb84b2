"""The clips of a calib_audio folder by name: the synthetic set, rendered on demand, and the user's recordings."""

import errno
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile

from workbench.audio.annotations import ANNOTATION_SUFFIX
from workbench.audio.decode import Clip, file_stem, list_audio, read_clip
from workbench.audio.synth import SYNTH_VERSION, Rendering, render
from workbench.audio.synth_manifest import Entry, Manifest, read_manifest
from workbench.audio.synth_oscillator import RENDER_RATE_HZ
from workbench.errors import AudioError
from workbench.recipe import clip_matches
from workbench.storage.atomic import remove_partial_files, write_atomic
from workbench.storage.hashing import sha256_of
from workbench.storage.locks import exclusive

_MANIFEST, _SYNTHETIC = "manifest.yaml", "synthetic"
SYNTHETIC_CALIBRATE, SYNTHETIC_SCORE = f"{_SYNTHETIC}/calibrate", f"{_SYNTHETIC}/score"
SUNG_CALIBRATE, SUNG = "sung/calibrate", "sung"
ANNOTATION_STEP_S = 0.005


class Corpus:
    """The clips below a folder, named by their path without suffix: "synthetic/score/glide-up", "sung/take1".

    Synthetic clips are those of `root/manifest.yaml`. Recordings in `root/sung` are for scoring, those in
    `root/sung/calibrate` for calibration.

    Raises:
        AudioError: The manifest is missing or an entry is wrong.
        YamlError: The manifest is not a YAML mapping.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest: Manifest = read_manifest(root / _MANIFEST)

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        """Synthetic clips by name, in the manifest's order."""
        calibrate = {f"{SYNTHETIC_CALIBRATE}/{entry.name}": entry for entry in self.manifest.calibrate}
        return calibrate | {f"{SYNTHETIC_SCORE}/{entry.name}": entry for entry in self.manifest.score}

    def folders(self) -> tuple[str, ...]:
        """Returns every folder that a pattern may name, including empty ones."""
        return (SYNTHETIC_CALIBRATE, SYNTHETIC_SCORE, SUNG_CALIBRATE, SUNG)

    def clips(self) -> tuple[str, ...]:
        """Returns all names. Renders nothing. Raises AudioError if two recordings have the same name."""
        return (*self._entries, *self._recordings())

    def match(self, patterns: Iterable[str]) -> list[str]:
        """Returns the clips that at least one pattern matches, each once, in the order of `clips`."""
        patterns = tuple(patterns)
        return [name for name in self.clips() if any(clip_matches(pattern, name) for pattern in patterns)]

    def render(self, progress: Callable[[str], None] | None = None) -> None:
        """Renders every synthetic clip that is missing or out of date.

        Waits while another process renders, and then renders what is still missing.

        Args:
            progress: Called with the name of each clip before it is rendered.

        Raises:
            AudioError: A file cannot be written, or the level of a clip is too high.
        """
        if all(map(self._is_rendered, self._entries)):
            return
        with self._locked():
            for name in self._entries:
                if not self._is_rendered(name):
                    if progress is not None:
                        progress(name)
                    self._render(name)

    def read(self, name: str, sample_rate_hz: int) -> Clip:
        """Returns a clip at a sample rate; renders it first if necessary. Raises AudioError if it cannot be used."""
        if name in self._entries:
            if not self._is_rendered(name):
                with self._locked():
                    if not self._is_rendered(name):  # unless another process has done it meanwhile
                        self._render(name)
            return read_clip(self._path(name), sample_rate_hz, name)
        recording = self._recordings().get(name)
        if recording is None:
            raise AudioError(f"{name}: no such clip in {self.root}; use one in {', '.join(self.folders())}")
        return read_clip(recording, sample_rate_hz, name)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        folder = self.root / _SYNTHETIC
        try:
            with exclusive(folder, wait=True):
                remove_partial_files(*(path for path in folder.iterdir() if path.is_dir()))
                yield
        except OSError as error:
            raise _unwritten(folder, error) from None

    def _recordings(self) -> dict[str, Path]:
        return {
            f"{folder}/{file.stem}": file
            for folder in (SUNG_CALIBRATE, SUNG)
            for file in list_audio(self.root / folder)
        }

    def _path(self, name: str) -> Path:
        return self.root / f"{name}.flac"

    def _is_rendered(self, name: str) -> bool:
        """Whether the audio file has the stamp of its entry. The annotation is written before it, so it fits too."""
        path = self._path(name)
        try:
            with soundfile.SoundFile(path) as file:
                return bool(file.comment == _stamp(self._entries[name])) and path.with_suffix(".csv").is_file()
        except (OSError, soundfile.LibsndfileError):
            return False

    def _render(self, name: str) -> None:
        rendering, path = render(self._entries[name]), self._path(name)
        try:
            write_atomic(path.with_suffix(ANNOTATION_SUFFIX), _annotation(rendering).encode())
            write_atomic(path, _flac(rendering, _stamp(self._entries[name])))
        except OSError as error:
            raise _unwritten(path, error) from None


def holds_recordings(folder: Path) -> bool:
    """Whether a folder is one of those of a corpus in which users keep their recordings."""
    path = folder.resolve()
    roots = {name: path.parents[name.count("/")] for name in (SUNG, SUNG_CALIBRATE) if len(path.parents) > 1}
    return any(root / name == path and (root / _MANIFEST).is_file() for name, root in roots.items())


def _unwritten(path: Path, error: OSError) -> AudioError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free some space on its disk" if full else "check the folder's permissions"
    return AudioError(f"{path}: cannot be written ({error.strerror}); {advice}")


def check_disjoint(calibrate: Sequence[Clip], score: Sequence[Clip]) -> None:
    """Raises AudioError if a calibration clip and a scored clip have the same name, file or samples."""
    calibrating = {key: clip.name for clip in calibrate for key in _identities(clip)}
    shared = {clip.name: calibrating[key] for clip in score for key in _identities(clip) if key in calibrating}
    if shared:
        pairs = (name if name == same else f"{name} (the same as {same})" for name, same in shared.items())
        raise AudioError(f"audio: calibrate and score share {', '.join(pairs)}; remove them from one of the two")


def check_unique_file_names(score: Sequence[Clip]) -> None:
    """Raises AudioError if the frames and plots of two scored clips would be written to the same file."""
    names: dict[str, str] = {}
    for clip in score:
        first = names.setdefault(file_stem(clip.name), clip.name)
        if first != clip.name:
            raise AudioError(f"{clip.name}: its files would have the same names as those of {first}; rename one")


def _identities(clip: Clip) -> tuple[str, str, str]:
    return clip.name, clip.sha256, sha256_of(clip.samples.tobytes())


def _stamp(entry: Entry) -> str:
    """Returns the comment tag of a rendered audio file: a hash of everything that the clip is rendered from."""
    source = json.dumps({"synth": SYNTH_VERSION, "entry": entry.model_dump(mode="json")}, sort_keys=True)
    return f"workbench {sha256_of(source.encode())}"


def _annotation(rendering: Rendering) -> str:
    step = round(ANNOTATION_STEP_S * RENDER_RATE_HZ)
    hz = rendering.f0_hz[::step]
    rows = (
        f"{time_s:.3f},{f0_hz:.4f}" for time_s, f0_hz in zip(np.arange(len(hz)) * ANNOTATION_STEP_S, hz, strict=True)
    )
    return "\n".join(["seconds,hertz", *rows, ""])


def _flac(rendering: Rendering, comment: str) -> bytes:
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", RENDER_RATE_HZ, 1, "PCM_24", format="FLAC") as file:
        file.comment = comment
        file.write(rendering.samples)
    return content.getvalue()
