"""One session of a listener in its own thread, so that a slow session does not delay the others."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from workbench.errors import first_line
from workbench.live.blocks import Block
from workbench.live.pump import SessionPump, Step

WINDOW_S = 10.0
MAX_WAITING_S = 1.0
"""A session that is further behind skips the audio that waits: frames that old are of no use."""


@dataclass(frozen=True)
class LaneStatus:
    """How a session keeps up.

    Attributes:
        p50_ms: Median time of a call in the last ten seconds. None without calls.
        p99_ms: The 99th percentile.
        missed: How many chunks took longer, from the arrival of their last sample, than a chunk lasts.
        skipped_ms: How much audio was skipped, because the session was too far behind.
        failed: Why the session ended, "" if it runs.
    """

    p50_ms: float | None
    p99_ms: float | None
    missed: int
    skipped_ms: float
    failed: str


class Lane:
    """Runs a pump on the blocks that it receives.

    `on_step` receives every step, and `on_failure` the reason why the session ended. Both are called in the thread of
    the lane.
    """

    def __init__(
        self, pump: SessionPump, on_step: Callable[[Step], None], on_failure: Callable[[str], None] = lambda _: None
    ) -> None:
        self._pump, self._on_step, self._on_failure = pump, on_step, on_failure
        self._blocks: deque[Block] = deque()
        self._waiting_s = 0.0
        self._changed = threading.Condition()
        self._closed = False
        self._times: deque[tuple[float, float]] = deque()  # when a call ended, and its milliseconds
        self._missed, self._skipped_ms, self._failed = 0, 0.0, ""
        self._thread = threading.Thread(target=self._run, name="live-lane", daemon=True)
        self._thread.start()

    def put(self, block: Block) -> None:
        """Adds a block. Returns at once."""
        with self._changed:
            if self._failed or self._closed:
                return
            if self._waiting_s > MAX_WAITING_S:
                self._skipped_ms += 1000 * self._waiting_s
                self._blocks.clear()
                self._waiting_s = 0.0
                block = replace(block, restarts=True)
            self._blocks.append(block)
            self._waiting_s += len(block.samples) / block.rate_hz
            self._changed.notify()

    def status(self) -> LaneStatus:
        """Returns the figures of the last ten seconds, and the counts since the start."""
        with self._changed:
            self._forget(time.monotonic())
            times_ms = [call_ms for _, call_ms in self._times]
            counts = (self._missed, self._skipped_ms, self._failed)
        if not times_ms:
            return LaneStatus(None, None, *counts)
        p50_ms, p99_ms = np.percentile(times_ms, (50, 99))
        return LaneStatus(float(p50_ms), float(p99_ms), *counts)

    def wait(self, limit_s: float) -> bool:
        """Waits until every block is done, at most `limit_s` seconds. Returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting_s or bool(self._failed), limit_s)

    def close(self) -> None:
        """Ends the thread after its current call. The session stays open."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (block := self._next()) is not None:
            try:
                for step in self._pump.push(block):
                    self._count(block, step)
                    self._on_step(step)
            except Exception as error:  # also of a session that is closed meanwhile: the page has to know that it ended
                self._fail(first_line(error))
                return
            with self._changed:
                self._waiting_s = max(0.0, self._waiting_s - len(block.samples) / block.rate_hz)
                if not self._blocks:
                    self._waiting_s = 0.0  # no rest of rounding
                self._changed.notify_all()

    def _next(self) -> Block | None:
        with self._changed:
            self._changed.wait_for(lambda: self._blocks or self._closed)
            return None if self._closed else self._blocks.popleft()

    def _count(self, block: Block, step: Step) -> None:
        with self._changed:
            self._times.append((step.done_s, step.call_ms))
            self._forget(step.done_s)
            self._missed += 1000 * (step.done_s - block.arrived_s) > self._pump.session.stream.chunk_ms

    def _forget(self, now_s: float) -> None:
        while self._times and self._times[0][0] < now_s - WINDOW_S:
            self._times.popleft()

    def _fail(self, reason: str) -> None:
        with self._changed:
            self._failed = reason
            self._blocks.clear()
            self._changed.notify_all()
            closed = self._closed
        if not closed:
            self._on_failure(reason)
