"""A tracker in its child process: a package that crashes ends the child and not the others."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from workbench.audio.decode import read_clip
from workbench.errors import RivalError, WorkbenchError, first_line
from workbench.measure.rivals.lookahead import Lookahead, measure_lookahead
from workbench.recipe import Channel
from workbench.rivals.rival import STREAMED_BLOCK_S, Estimate, Floats, Rival
from workbench.runtime.executorch import set_num_threads

_WARM_UP, _MIN_CALLS, _MAX_CALLS, _MAX_TIMED_S = 3, 5, 200, 5.0
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
        """Returns how `time_ms` computes 20 ms of a stream."""
        window_ms = 1000 * self._window_s(window_s)
        return self._tracker.streamed or f"no stream: {window_ms:.0f} ms of audio are tracked again for each frame"

    def lookahead(self, path: Path, delay_ms: float) -> Lookahead:
        """Measures the audio that a frame needs, on the middle of a clip. Raises RivalError if the tracker fails."""
        rate_hz, hop_s = self._rival.sample_rate_hz, self._rival.hop_samples / self._rival.sample_rate_hz
        return measure_lookahead(
            lambda samples: self._track(samples, path.name), self._middle(path), rate_hz, hop_s, delay_ms
        )

    def time_ms(self, path: Path, window_s: float) -> float:
        """Returns the median time for 20 ms of a stream: of a push, or of a track of a window of this length."""
        rate_hz, push = self._rival.sample_rate_hz, self._tracker.push
        window_s = self._window_s(window_s)
        samples, block_s = self._middle(path), self._tracker.block_s if push else STREAMED_BLOCK_S
        step = round(block_s * rate_hz)
        length = step if push else round(window_s * rate_hz)
        blocks = [samples[begin : begin + length] for begin in range(0, len(samples) - length, step)]
        times_s: list[float] = []
        began_s = time.perf_counter()
        for index in range(_WARM_UP + _MAX_CALLS):
            block, started_s = np.ascontiguousarray(blocks[index % len(blocks)]), time.perf_counter()
            with self._reported(path.name):
                push(block) if push else self._tracker.track(block)
            ended_s = time.perf_counter()
            times_s += [ended_s - started_s] if index >= _WARM_UP else []
            if len(times_s) >= _MIN_CALLS and ended_s - began_s > _MAX_TIMED_S:
                break
        return 1000 * float(np.median(times_s)) * STREAMED_BLOCK_S / block_s

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
