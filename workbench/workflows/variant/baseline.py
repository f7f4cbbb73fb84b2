"""Upstream's frames of the scored clips: computed once for all variants of one stream, and once on a machine."""

import functools
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from workbench.audio.decode import Clip
from workbench.measure.floor import add_dither
from workbench.measure.timing import BaselineSpec
from workbench.model.checkpoint import checkpoint_sha256
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.session import Floats, Frames, run_chunks
from workbench.runtime.state_protocol import StateHandling, with_state_handling
from workbench.storage.atomic import write_atomic
from workbench.storage.cache_entries import mark_used, remove_least_used
from workbench.storage.hashing import sha256_of
from workbench.storage.locks import folder_lock
from workbench.storage.npz import read_npz_columns
from workbench.workflows.jobs.workers import Workers, results_of
from workbench.workflows.variant.fingerprint import baseline_environment, canonical_sha256

MOST_STORED_BYTES = 300_000_000  # an hour of audio with frames of 10 ms takes 7 MB
_FILE_NAME = "frames.npz"
_GROUPS_PER_WORKER = 2
_COLUMNS = ("pitch_semitones", "confidence", "volume", "margin")


Call = tuple[Floats, StateHandling, tuple[int, ...]]


@dataclass(frozen=True)
class Request:
    """Frames of a clip that the baseline has to return.

    Attributes:
        clip: At the stream's rate.
        handling: Whether the state is reset before each call.
        call_sizes: The size of each call in frames. The sequence repeats until the clip ends.
        dither: Adds 16-bit dither to the samples, for the noise floor.
    """

    clip: Clip
    handling: StateHandling
    call_sizes: tuple[int, ...]
    dither: bool = False


@dataclass(frozen=True)
class BaselineRun:
    """Upstream's frames, and the hash of the environment that they depend on."""

    environment_sha256: str
    frames: list[Frames]


def run_baseline(spec: BaselineSpec, threads: int, calls: Sequence[Call]) -> BaselineRun:
    """Returns upstream's frames of samples, each with its state handling and its call sizes. Sets torch's threads."""
    torch.set_num_threads(threads)
    session = spec.session()
    frames = [run_chunks(with_state_handling(handling, session), samples, sizes) for samples, handling, sizes in calls]
    return BaselineRun(baseline_environment(), frames)


def _balanced(calls: Mapping[str, Call], count: int) -> list[tuple[str, ...]]:
    """Returns the keys in at most `count` groups of about as much audio: a task of a few seconds is not worth it."""
    groups: list[list[str]] = [[] for _ in range(min(count, len(calls)))]
    lengths = [0] * len(groups)
    for key in sorted(calls, key=lambda key: -len(calls[key][0])):
        shortest = lengths.index(min(lengths))
        groups[shortest].append(key)
        lengths[shortest] += len(calls[key][0])
    return [tuple(group) for group in groups]


def _same(frames: Frames) -> Frames:
    return frames


class BaselineCache:
    """The baseline's frames of each clip. The variants of a run share one cache, and those of one stream its frames.

    Args:
        folder: Where the frames are kept for later runs. None keeps them in memory only.
        fresh: Does not read the frames of earlier runs.
        workers: Share what `compute` computes.
    """

    def __init__(self, folder: Path | None = None, fresh: bool = False, workers: Workers | None = None) -> None:
        self._frames: dict[str, Frames] = {}
        self._opened: tuple[BaselineSpec, UpstreamSession] | None = None  # the last one: most variants share it
        self._checkpoints: dict[str, str] = {}
        self._folder, self._fresh, self._workers = folder, fresh, workers

    def __len__(self) -> int:
        return len(self._frames)

    def frames(self, spec: BaselineSpec, threads: int, request: Request) -> Frames:
        """Returns upstream's frames of a request.

        Args:
            spec: The description of the baseline.
            threads: The number of threads of torch, which the caller has set. The last bits of a frame depend on them.
            request: The clip and how it is run.
        """
        key, samples = self._key(spec, threads, request)
        if key not in self._frames:
            handling, sizes = request.handling, request.call_sizes
            self._frames[key] = self._find_or_run(
                key, lambda: run_chunks(with_state_handling(handling, self._session(spec)), samples, sizes)
            )
        return self._frames[key]

    def compute(self, spec: BaselineSpec, threads: int, requests: Sequence[Request]) -> None:
        """Computes the frames of several requests that are missing, on all workers at the same time.

        `frames` returns them afterwards. It computes those that are still missing, because the worker died, or because
        its processor or its libraries are not those of this machine. Without workers nothing happens.
        """
        if self._workers is None:
            return
        missing: dict[str, Call] = {}
        for request in requests:
            key, samples = self._key(spec, threads, request)
            if key not in self._frames and (self._fresh or not self._is_stored(key)):
                missing[key] = samples, request.handling, request.call_sizes
        groups = _balanced(missing, _GROUPS_PER_WORKER * self._workers.count)
        tasks = {
            group: functools.partial(self._workers.call, run_baseline, spec, threads, [missing[key] for key in group])
            for group in groups
        }
        for group, found in results_of(self._workers, tasks):
            if isinstance(found, BaselineRun) and found.environment_sha256 == baseline_environment():
                for key, frames in zip(group, found.frames, strict=True):
                    self._frames[key] = self._find_or_run(key, functools.partial(_same, frames))

    @contextmanager
    def computing(self, spec: BaselineSpec, threads: int, requests: Sequence[Request]) -> Iterator[None]:
        """Computes as `compute` does, while the caller does something else. Waits for it at the end."""
        with ThreadPoolExecutor(1) as thread:
            computed = thread.submit(self.compute, spec, threads, requests)
            try:
                yield
            except KeyboardInterrupt:
                if self._workers is not None:
                    self._workers.kill()
                raise
            computed.result()

    def _key(self, spec: BaselineSpec, threads: int, request: Request) -> tuple[str, Floats]:
        """Returns the hash of what the frames of a request depend on, and the samples."""
        samples = add_dither(request.clip.samples) if request.dither else request.clip.samples
        stream = repr(replace(spec, checkpoint=self._checkpoint_sha256(spec.checkpoint)))
        audio = sha256_of(samples.tobytes())
        environment = baseline_environment()
        return canonical_sha256(environment, stream, threads, audio, request.handling, request.call_sizes), samples

    def _is_stored(self, key: str) -> bool:
        return self._folder is not None and (self._folder / key / _FILE_NAME).is_file()

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
