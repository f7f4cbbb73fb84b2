"""A tracker in its child process: a package that crashes ends the child and not the others."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from workbench.audio.decode import read_clip
from workbench.errors import RivalError, WorkbenchError, first_line
from workbench.measure.rivals.lookahead import Lookahead, measure_lookahead
from workbench.measure.rivals.step_times import steps_per_turn
from workbench.recipe import Channel
from workbench.rivals.rival import STREAMED_BLOCK_S, Estimate, Floats, Rival
from workbench.runtime.executorch import set_num_threads

_PROBED_S = 3.0


class RivalWorker:
    """A tracker that is loaded, with one thread. It reads each clip at the tracker's rate."""

    def __init__(self, rival: Rival) -> None:
        """Loads the tracker. Raises what `Rival.open` raises."""
        set_num_threads(1)
        self._rival, self._tracker = rival, rival.open()

    def track(self, path: Path, channel: Channel = "mix") -> Estimate:
        """Returns the estimate of a clip. Raises RivalError if the tracker fails on it."""
        return self._track(read_clip(path, self._rival.sample_rate_hz, channel=channel).samples, path.name)

    def weight_bytes(self) -> int | None:
        """Returns the bytes of the files that it has loaded, None if it has none."""
        files = self._tracker.weights
        return sum(file.stat().st_size for file in files) if files else None

    def streamed(self, window_s: float) -> str:
        """Returns how a step of the stream is computed."""
        window_ms = 1000 * self._window_s(window_s)
        return self._tracker.streamed or f"no stream: {window_ms:.0f} ms of audio are tracked again for each frame"

    def lookahead(self, path: Path, delay_ms: float) -> Lookahead:
        """Measures the audio that a frame needs, on the middle of a clip. Raises RivalError if the tracker fails."""
        rate_hz, hop_s = self._rival.sample_rate_hz, self._rival.hop_samples / self._rival.sample_rate_hz
        return measure_lookahead(
            lambda samples: self._track(samples, path.name), self._middle(path), rate_hz, hop_s, delay_ms
        )

    def open_stream(self, path: Path, window_s: float) -> int:
        """Prepares the steps of `turn_ms`: pushes of a stream, or tracks of a window of this length.

        Returns:
            The steps of a turn.
        """
        rate_hz, push = self._rival.sample_rate_hz, self._tracker.push
        samples, self._block_s = self._middle(path), self._tracker.block_s if push else STREAMED_BLOCK_S
        hop = round(self._block_s * rate_hz)
        length = hop if push else min(round(self._window_s(window_s) * rate_hz), len(samples))
        begins = range(0, max(len(samples) - length, 1), hop)
        self._blocks = cycle([np.ascontiguousarray(samples[begin : begin + length]) for begin in begins])
        self._step = push or self._tracker.track
        self._name, self._steps = path.name, 1
        self._turn_s()  # the first step may compile or allocate
        self._steps = steps_per_turn(float(np.median(self._turn_s())))
        return self._steps

    def turn_ms(self) -> float:
        """Returns the median time of a turn's steps, for 20 ms of audio. Raises RivalError if the tracker fails."""
        return 1000 * float(np.median(self._turn_s())) * STREAMED_BLOCK_S / self._block_s

    def _turn_s(self) -> list[float]:
        """Returns the time of each step but the first: other trackers have left their data in the caches."""
        times_s = []
        for block in islice(self._blocks, 1 + self._steps):
            started_s = time.perf_counter()
            with self._reported(self._name):
                self._step(block)
            times_s.append(time.perf_counter() - started_s)
        return times_s[1:]

    def _middle(self, path: Path) -> Floats:
        samples = read_clip(path, self._rival.sample_rate_hz).samples
        length = min(len(samples), round(_PROBED_S * self._rival.sample_rate_hz))
        begin = (len(samples) - length) // 2
        return np.array(samples[begin : begin + length])

    def _track(self, samples: Floats, name: str) -> Estimate:
        with self._reported(name):
            return self._tracker.track(np.array(samples))  # a copy: some packages refuse read-only arrays

    def _window_s(self, window_s: float) -> float:
        return max(window_s, self._tracker.shortest_s)

    @contextmanager
    def _reported(self, name: str) -> Iterator[None]:
        try:
            yield
        except (WorkbenchError, MemoryError):
            raise
        except Exception as error:  # another project's code: it may raise anything
            raise RivalError(f"{self._rival.name}: failed on {name} ({first_line(error)})") from error
