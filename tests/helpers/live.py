"""Sessions without a model for the tests of `live`, and a server of them on a real socket."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import uvicorn

from workbench.errors import ProgramError
from workbench.live.programs import OpenSessions
from workbench.live.server.app import LiveServer
from workbench.live.server.pool import SessionPool
from workbench.live.server.scoring import TakeScorer
from workbench.live.server.serve import bind, uvicorn_config
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Floats, Frames

TOKEN = "token"


class MeanSession:
    """A frame's pitch is the mean of all samples since the last reset; its confidence is 0.5."""

    native = False
    last_call_ms = 1.0
    metadata = SimpleNamespace(algorithmic_ms=10.0, display_threshold=0.12)

    def __init__(self, fails_at: int = -1, delay_s: float = 0.0) -> None:
        self.stream = StreamConfig(8000, 80, 2, 0.0)
        self.closed = False
        self._fails_at, self._delay_s, self._calls = fails_at, delay_s, 0
        self.reset()

    def reset(self, stream: int | None = None) -> None:
        self._sum, self._count = 0.0, 0

    def step(self, chunk: Floats) -> Frames:
        self._calls += 1
        if self._calls == self._fails_at:
            raise ProgramError("it crashed")
        time.sleep(self._delay_s)
        pitch = []
        for hop in chunk.reshape(-1, self.stream.hop_samples).astype(np.float64):
            self._sum, self._count = self._sum + float(hop.sum()), self._count + len(hop)
            pitch.append(self._sum / self._count)
        values = np.asarray(pitch, np.float32)
        return Frames(values, np.full_like(values, 0.5), values)

    def close(self) -> None:
        self.closed = True


@dataclass
class RunningServer:
    """A server on a free port. `opened` has the sessions of each client."""

    port: int
    opened: list[OpenSessions]

    def address(self, path: str = "", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{TOKEN}/{path}"


@contextlib.contextmanager
def serving(pool: SessionPool, names: tuple[str, ...], folder: Path) -> Iterator[RunningServer]:
    """Serves the sessions of a pool on a free port. Takes go to `folder`."""
    live = LiveServer(pool, names, TakeScorer([], None), folder / "takes", folder)
    with bind("127.0.0.1", 0) as bound:
        server = uvicorn.Server(uvicorn_config(live.app(TOKEN, "127.0.0.1")))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield RunningServer(bound.getsockname()[1], [])
        finally:
            server.should_exit = True
            thread.join(30)
    assert not thread.is_alive()


@contextlib.contextmanager
def running_server(folder: Path, monkeypatch: Any) -> Iterator[RunningServer]:
    """Serves sessions without a model; at the end all of them are closed."""
    opened: list[OpenSessions] = []

    def open_sessions(*_: object) -> OpenSessions:
        opened.append(OpenSessions(MeanSession(), (MeanSession(),)))  # type: ignore[arg-type]
        return opened[-1]

    monkeypatch.setattr("workbench.live.server.pool.open_sessions", open_sessions)
    with serving(SessionPool([], None), ("upstream", "mean"), folder) as running:
        running.opened = opened
        yield running
    assert all(session.closed for each in opened for session in each.all)
