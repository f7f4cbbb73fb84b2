"""Upstream's frames of the scored clips: computed once for all variants of one stream, and once on a machine."""

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.audio.decode import Clip
from workbench.measure.floor import add_dither
from workbench.measure.timing import BaselineSpec
from workbench.model.checkpoint import checkpoint_sha256
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.session import Frames, run_chunks
from workbench.runtime.state_protocol import StateHandling, with_state_handling
from workbench.storage.atomic import write_atomic
from workbench.storage.cache_entries import mark_used, remove_least_used
from workbench.storage.hashing import sha256_of
from workbench.storage.locks import folder_lock
from workbench.storage.npz import read_npz_columns
from workbench.workflows.variant.fingerprint import baseline_environment, canonical_sha256

MOST_STORED_BYTES = 300_000_000  # an hour of audio with frames of 10 ms takes 7 MB
_FILE_NAME = "frames.npz"
_COLUMNS = ("pitch_semitones", "confidence", "volume", "margin")


class BaselineCache:
    """The baseline's frames of each clip. The variants of a run share one cache, and those of one stream its frames.

    Args:
        folder: Where the frames are kept for later runs. None keeps them in memory only.
        fresh: Does not read the frames of earlier runs.
    """

    def __init__(self, folder: Path | None = None, fresh: bool = False) -> None:
        self._frames: dict[str, Frames] = {}
        self._opened: tuple[BaselineSpec, UpstreamSession] | None = None  # the last one: most variants share it
        self._checkpoints: dict[str, str] = {}
        self._folder, self._fresh = folder, fresh

    def __len__(self) -> int:
        return len(self._frames)

    def frames(
        self,
        spec: BaselineSpec,
        threads: int,
        clip: Clip,
        handling: StateHandling,
        call_sizes: tuple[int, ...],
        dither: bool = False,
    ) -> Frames:
        """Returns upstream's frames of a clip.

        Args:
            spec: The description of the baseline.
            threads: The number of threads of torch, which the caller has set. The last bits of a frame depend on them.
            clip: At the stream's rate.
            handling: Whether the state is reset before each call.
            call_sizes: The size of each call in frames. The sequence repeats until the clip ends.
            dither: Adds 16-bit dither to the samples, for the noise floor.
        """
        samples = add_dither(clip.samples) if dither else clip.samples
        stream = repr(replace(spec, checkpoint=self._checkpoint_sha256(spec.checkpoint)))
        audio = sha256_of(samples.tobytes())
        key = canonical_sha256(baseline_environment(), stream, threads, audio, handling, call_sizes)
        if key not in self._frames:
            self._frames[key] = self._find_or_run(
                key, lambda: run_chunks(with_state_handling(handling, self._session(spec)), samples, call_sizes)
            )
        return self._frames[key]

    def _find_or_run(self, key: str, run: Callable[[], Frames]) -> Frames:
        """Returns the stored frames, or else runs and stores. A second process waits for the frames of the first."""
        if self._folder is None:
            return run()
        entry = self._folder / key
        try:
            entry.mkdir(parents=True, exist_ok=True)
        except OSError:  # the disk is full or read-only
            return run()
        with folder_lock(entry, wait=True):
            found = None if self._fresh else _read(entry / _FILE_NAME)
            if found is None:
                found = run()
                with suppress(OSError):
                    write_atomic(entry / _FILE_NAME, _as_npz(found))
            mark_used(entry)
        return found

    def _session(self, spec: BaselineSpec) -> UpstreamSession:
        if self._opened is None or self._opened[0] != spec:
            self._opened = spec, spec.session()
            if self._folder is not None:
                remove_least_used(self._folder, MOST_STORED_BYTES)
        return self._opened[1]

    def _checkpoint_sha256(self, checkpoint: str) -> str:
        if checkpoint not in self._checkpoints:
            self._checkpoints[checkpoint] = checkpoint_sha256(checkpoint)
        return self._checkpoints[checkpoint]


def _read(path: Path) -> Frames | None:
    """Returns the frames in a file. None if it is missing, damaged, or has no margins."""
    try:
        columns = read_npz_columns(path.read_bytes(), _COLUMNS)
    except (OSError, ValueError):
        return None
    arrays = [columns[name] for name in _COLUMNS]
    return Frames(*arrays) if all(array.dtype == np.float32 for array in arrays) else None


def _as_npz(frames: Frames) -> bytes:
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{name: getattr(frames, name) for name in _COLUMNS})
    return content.getvalue()
