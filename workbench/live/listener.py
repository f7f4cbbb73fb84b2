"""One microphone and the sessions that run on it."""

import functools
from collections.abc import Callable

from workbench.live.blocks import Block
from workbench.live.lane import Lane, LaneStatus
from workbench.live.programs import OpenSessions
from workbench.live.pump import SessionPump, Step


class Listener:
    """Passes each block to all sessions, which run side by side.

    `on_step` receives the index of a session and its step, `on_failure` the index and the reason why the session ended.
    Both are called in the thread of the session. The baseline has the index 0.
    """

    def __init__(
        self,
        sessions: OpenSessions,
        on_step: Callable[[int, Step], None],
        on_failure: Callable[[int, str], None] = lambda *_: None,
    ) -> None:
        self._lanes = [
            Lane(
                SessionPump(session, algorithmic_ms),
                functools.partial(on_step, index),
                functools.partial(on_failure, index),
            )
            for index, (session, algorithmic_ms) in enumerate(zip(sessions.all, sessions.algorithmic_ms, strict=True))
        ]

    def put(self, block: Block) -> None:
        """Passes a block to every session. Returns at once."""
        for lane in self._lanes:
            lane.put(block)

    def status(self) -> list[LaneStatus]:
        """Returns how each session keeps up."""
        return [lane.status() for lane in self._lanes]

    def wait(self, limit_s: float) -> bool:
        """Waits until all blocks are done, at most `limit_s` seconds for each session. Returns whether they are."""
        return all(lane.wait(limit_s) for lane in self._lanes)

    def close(self) -> bool:
        """Ends the threads; the sessions stay open. Returns whether they can be used again: none has failed."""
        for lane in self._lanes:
            lane.close()
        return not any(status.failed for status in self.status())
