"""Clips as files: the input for a program that runs on another device."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.audio.decode import file_stem, warn_of_conditions
from workbench.bundle.golden import encode_wav
from workbench.recipe import Channel
from workbench.storage.atomic import write_atomic


def write_clips(
    catalog: ClipCatalog, names: Sequence[str], sample_rate_hz: int, folder: Path, channel: Channel = "mix"
) -> Iterator[Path]:
    """Writes clips as mono WAV files of 32-bit floats and yields the path of each.

    Args:
        catalog: The folder that has the clips, already rendered.
        names: Their names in the catalog, such as `synthetic/score/sine`.
        sample_rate_hz: The rate that they are converted to.
        folder: Where the files go. It is created if it is missing.
        channel: Which channel of recordings is read.

    Raises:
        AudioError: If a clip cannot be read.
    """
    for name in names:
        clip = catalog.read(name, sample_rate_hz, channel)
        if not catalog.renders(clip):
            warn_of_conditions([clip])
        path = folder / f"{file_stem(clip.name)}.wav"
        write_atomic(path, encode_wav(clip.samples[None], clip.sample_rate_hz))
        yield path
