"""The clips that recipes can name: the user's recordings, the synthetic set, rendered on demand, and fetched corpora.

`rendered_files` has the files of the synthetic clips.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from workbench.audio.corpora.stored import clips_folder, stored_corpora
from workbench.audio.decode import Clip, file_stem, list_audio, read_clip
from workbench.audio.rendered_files import rendered_file
from workbench.audio.synth_manifest import Entry, Manifest, read_manifest
from workbench.errors import AudioError
from workbench.recipe import Channel, clip_matches
from workbench.storage.cache_entries import mark_used
from workbench.storage.shipped import shipped_clips

_CLIPS, _MANIFEST, _SYNTHETIC = "calib_audio", "manifest.yaml", "synthetic"
SYNTHETIC_CALIBRATE, SYNTHETIC_SCORE = f"{_SYNTHETIC}/calibrate", f"{_SYNTHETIC}/score"
SUNG_CALIBRATE, SUNG = "sung/calibrate", "sung"


class ClipCatalog:
    """The clips below a folder, named by their path without suffix: "synthetic/score/glide-up", "sung/take1".

    The clips of the corpora that were fetched are in it too: "corpus/vocadito/score/1".

    Synthetic clips are those of `root/manifest.yaml`, or else those of the shipped manifest. Recordings in `root/sung`
    are for scoring, those in `root/sung/calibrate` for calibration.

    Raises:
        AudioError: The folder has neither a manifest nor recordings, or an entry of the manifest is wrong.
        YamlError: The manifest is not a YAML mapping.
    """

    def __init__(self, root: Path) -> None:
        if not has_clips(root):
            raise AudioError(f"{root}: has neither {_MANIFEST} nor {SUNG}/; put your recordings into {root / SUNG}")
        own = root / _MANIFEST
        self.root = root
        self.manifest: Manifest = read_manifest(own if own.exists() else shipped_clips() / _MANIFEST)

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        """Synthetic clips by name, in the manifest's order."""
        calibrate = {f"{SYNTHETIC_CALIBRATE}/{entry.name}": entry for entry in self.manifest.calibrate}
        return calibrate | {f"{SYNTHETIC_SCORE}/{entry.name}": entry for entry in self.manifest.score}

    def folders(self) -> tuple[str, ...]:
        """Returns every folder that a pattern may name, including empty ones."""
        return (SYNTHETIC_CALIBRATE, SYNTHETIC_SCORE, SUNG_CALIBRATE, SUNG)

    @cached_property
    def _published(self) -> dict[str, tuple[Path, str]]:
        """The file and the singer of each clip of the fetched corpora, by name."""
        return {
            name: (clips_folder(stored.name) / clip.file, clip.singer)
            for stored in stored_corpora()
            for name, clip in stored.by_name().items()
        }

    def clips(self) -> tuple[str, ...]:
        """Returns all names. Renders nothing. Raises AudioError if two recordings have the same name."""
        return (*self.own_clips(), *self._published)

    def own_clips(self) -> tuple[str, ...]:
        """Returns the names of the synthetic clips and the recordings. Raises AudioError as `clips` does."""
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
        for name, entry in self._entries.items():
            rendered_file(entry, partial(progress, name) if progress else None)

    def read(self, name: str, sample_rate_hz: int, channel: Channel = "mix") -> Clip:
        """Returns a clip at a sample rate; renders it first if necessary. Raises AudioError if it cannot be used.

        `channel` chooses the channel of a recording; rendered clips are mono.
        """
        if name in self._entries:
            return read_clip(rendered_file(self._entries[name]), sample_rate_hz, name)
        if name in self._published:
            file, singer = self._published[name]
            mark_used(file.parent.parent)
            return replace(read_clip(file, sample_rate_hz, name, channel), singer=singer)
        recording = self._recordings().get(name)
        if recording is None:
            raise AudioError(f"{name}: no such clip in {self.root}; use one in {', '.join(self.folders())}")
        return read_clip(recording, sample_rate_hz, name, channel)

    def renders(self, clip: Clip) -> bool:
        """Whether a clip is one of the synthetic ones."""
        return clip.name in self._entries

    def _recordings(self) -> dict[str, Path]:
        return {
            f"{folder}/{file.stem}": file
            for folder in (SUNG_CALIBRATE, SUNG)
            for file in list_audio(self.root / folder)
        }


def has_clips(root: Path) -> bool:
    """Whether a folder has a manifest of synthetic clips, or a folder of recordings."""
    return (root / _MANIFEST).exists() or (root / SUNG).is_dir()


def holds_recordings(folder: Path) -> bool:
    """Whether a folder is one of those of a clips folder in which users keep their recordings."""
    path = folder.resolve()
    roots = {name: path.parents[name.count("/")] for name in (SUNG, SUNG_CALIBRATE) if len(path.parents) > 1}
    return any(root / name == path and _is_clips_root(root) for name, root in roots.items())


def _is_clips_root(folder: Path) -> bool:
    return folder.name == _CLIPS or (folder / _MANIFEST).is_file()


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
    return clip.name, *clip.content_sha256
