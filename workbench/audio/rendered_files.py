"""The files of rendered clips in the cache, each in a folder named by the hash of all that it is rendered from.

So projects with different manifests do not overwrite each other's clips.
"""

import errno
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from workbench.audio.annotations import ANNOTATION_SUFFIX
from workbench.audio.synth_manifest import RENDER_RATE_HZ, SYNTH_VERSION, Entry
from workbench.errors import AudioError
from workbench.storage.atomic import write_atomic
from workbench.storage.cache_entries import mark_used
from workbench.storage.cache_folder import CACHE_VARIABLE, cache_folder
from workbench.storage.hashing import sha256_of
from workbench.storage.locks import exclusive

if TYPE_CHECKING:
    from workbench.audio.synth import Rendering

_ANNOTATION_STEP_S = 0.005


def rendered_file(entry: Entry, before: Callable[[], None] | None = None) -> Path:
    """Returns the file of a rendered clip, with its f0 beside it.

    If the file is missing or damaged, it is rendered, by one process only.

    Args:
        entry: What is rendered.
        before: Called if it has to be rendered, and before it is.

    Raises:
        AudioError: The file cannot be written, or the level of the clip is too high.
    """
    stamp = _stamp(entry)
    folder = cache_folder("clips") / stamp
    path = folder / f"{entry.name}.flac"
    if _is_rendered(path, stamp):
        mark_used(folder)
        return path
    try:
        with exclusive(folder, wait=True):
            if not _is_rendered(path, stamp):  # unless another process has done it meanwhile
                if before is not None:
                    before()
                from workbench.audio.synth import render  # imports scipy, and the clips are usually there

                rendering = render(entry)
                write_atomic(path.with_suffix(ANNOTATION_SUFFIX), _annotation(rendering).encode())
                write_atomic(path, _flac(rendering, stamp))
    except OSError as error:
        raise _unwritten(path, error) from None
    return path


def _is_rendered(path: Path, stamp: str) -> bool:
    """Whether the audio file has the stamp of its entry. The annotation is written before it, so it fits too."""
    try:
        with soundfile.SoundFile(path) as file:
            return bool(file.comment == _comment(stamp)) and path.with_suffix(ANNOTATION_SUFFIX).is_file()
    except (OSError, soundfile.LibsndfileError):
        return False


def _unwritten(path: Path, error: OSError) -> AudioError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free some space on its disk" if full else "check the folder's permissions"
    return AudioError(
        f"{path}: cannot be written ({error.strerror}); {advice}, or set {CACHE_VARIABLE} to another folder"
    )


def _stamp(entry: Entry) -> str:
    """Returns the hash of everything that a clip is rendered from."""
    source = json.dumps({"synth": SYNTH_VERSION, "entry": entry.model_dump(mode="json")}, sort_keys=True)
    return sha256_of(source.encode())


def _comment(stamp: str) -> str:
    """Returns the comment tag of a rendered audio file."""
    return f"workbench {stamp}"


def _annotation(rendering: "Rendering") -> str:
    step = round(_ANNOTATION_STEP_S * RENDER_RATE_HZ)
    hz = rendering.f0_hz[::step]
    rows = (
        f"{time_s:.3f},{f0_hz:.4f}" for time_s, f0_hz in zip(np.arange(len(hz)) * _ANNOTATION_STEP_S, hz, strict=True)
    )
    return "\n".join(["seconds,hertz", *rows, ""])


def _flac(rendering: "Rendering", stamp: str) -> bytes:
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", RENDER_RATE_HZ, 1, "PCM_24", format="FLAC") as file:
        file.comment = _comment(stamp)
        file.write(rendering.samples)
    return content.getvalue()
