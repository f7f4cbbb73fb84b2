"""The sessions of all clients: one set for each, up to a limit. The set of a client that left is kept for the next."""

import multiprocessing
import threading
from collections.abc import Sequence
from pathlib import Path

from workbench.live.programs import LiveProgram, OpenSessions, open_sessions

MAX_CLIENTS = 4


class SessionPool:
    """Opens sets of sessions, at most MAX_CLIENTS. Its methods may be called in any thread."""

    def __init__(self, programs: Sequence[LiveProgram], host: Path | None) -> None:
        """Opens the first set, so a program that does not load is found now. Raises WorkbenchError then."""
        self._programs, self._host = programs, host
        self._lock = threading.Lock()
        self._taken: list[OpenSessions] = []
        self._opening = 0
        self._spare: OpenSessions | None = open_sessions(programs, host)
        self._closed = False

    def take(self) -> OpenSessions | None:
        """Returns a set that no other client has; None if there are MAX_CLIENTS clients.

        Raises WorkbenchError if a program does not open any more.
        """
        with self._lock:
            if len(self._taken) + self._opening >= MAX_CLIENTS or self._closed:
                return None
            if self._spare is not None:
                self._taken.append(self._spare)
                self._spare = None
                return self._taken[-1]
            self._opening += 1
        sessions = None
        try:
            sessions = open_sessions(self._programs, self._host)
        finally:
            with self._lock:
                self._opening -= 1
                if sessions is not None and not self._closed:
                    self._taken.append(sessions)
        if self._closed:
            sessions.close()
            return None
        return sessions

    def give_back(self, sessions: OpenSessions, usable: bool) -> None:
        """Keeps a set for the next client, or ends it if it is not `usable` or if another one is kept already."""
        with self._lock:
            if sessions in self._taken:
                self._taken.remove(sessions)
            keep = usable and self._spare is None and not self._closed
            if keep:
                self._spare = sessions
        if not keep:
            sessions.close()

    def close(self) -> None:
        """Ends all sessions, also those that are taken or that open: their next call fails."""
        with self._lock:
            self._closed = True
            ended = [*self._taken, *([self._spare] if self._spare else [])]
            self._taken, self._spare = [], None
        for sessions in ended:
            sessions.close()
        if self._opening:  # a set that is not open yet cannot be closed, and its processes would end only after that
            for process in multiprocessing.active_children():
                process.kill()
