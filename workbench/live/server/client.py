"""One page that is connected: its audio comes in over the socket, and the frames of its sessions go out as JSON."""

import asyncio
import json
import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from workbench.errors import BlockError
from workbench.live.blocks import MAX_MESSAGE_BYTES, Block, BlockReader
from workbench.live.listener import Listener
from workbench.live.programs import OpenSessions
from workbench.live.pump import Step
from workbench.live.server.takes import Take

MAX_WAITING_MESSAGES = 1000  # about five seconds of frames of four sessions
SEND_LIMIT_S = 5.0
STATUS_EVERY_S = 0.5
CLOSE_LIMIT_S = 0.5
NORMAL, UNSUPPORTED, INVALID, TOO_BIG, INTERNAL, TRY_LATER = 1000, 1003, 1007, 1009, 1011, 1013  # RFC 6455, 7.4.1
TOO_SLOW = "the page is too slow to receive the frames"


class Client:
    """Runs the sessions of a page until its socket closes.

    Attributes:
        id: The name of the client in the addresses of its takes.
        take: The take that is being recorded, if there is one.
    """

    def __init__(
        self, socket: WebSocket, sessions: OpenSessions, programs: Sequence[str], on_take: Callable[[Path], None]
    ) -> None:
        """`programs` are the names of the sessions; `on_take` receives the file of each finished take."""
        self.id = secrets.token_hex(8)
        self.take: Take | None = None
        self._socket, self._sessions, self._programs, self._on_take = socket, sessions, tuple(programs), on_take
        self._loop = asyncio.get_running_loop()
        self._outbox: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING_MESSAGES)
        self._end: asyncio.Future[tuple[int, str]] = self._loop.create_future()
        self._reader = BlockReader()
        self._restarts = False
        self._listener: Listener | None = None

    async def run(self) -> bool:
        """Runs until the page leaves, breaks the protocol or is too slow. Returns whether the sessions are intact."""
        self._listener = Listener(self._sessions, self._from_thread(self._frames), self._from_thread(self._failed))
        self._post(self._hello())
        tasks = [asyncio.create_task(work()) for work in (self._receive, self._send, self._report)]
        try:
            code, reason = await self._end
            await self._close_socket(code, reason)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.stop_take()
            intact = await asyncio.to_thread(self._listener.close)
        return intact

    def end(self, code: int, reason: str) -> None:
        """Closes the socket, unless it is closing already."""
        if not self._end.done():
            self._end.set_result((code, reason))

    def start_take(self, folder: Path) -> None:
        """Records from the next block on. The sessions start again with it. Raises OSError."""
        self.take = Take(folder, self._programs, self._sessions.display_threshold)
        self._restarts = True

    def stop_take(self) -> Path | None:
        """Ends the take and returns its WAV file; None if there is no take or no audio in it. Raises OSError."""
        take, self.take = self.take, None
        wav = None if take is None else take.finish()
        if take is not None and wav is not None:
            self._on_take(wav)
            self._post({"kind": "take", "name": take.name, "file": str(wav), "seconds": round(take.duration_s, 3)})
        return wav

    async def _receive(self) -> None:
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return self.end(NORMAL, "")
                data = message.get("bytes")
                if data is None:
                    return self.end(UNSUPPORTED, "expected audio, got text")
                if len(data) > MAX_MESSAGE_BYTES:
                    return self.end(TOO_BIG, f"at most {MAX_MESSAGE_BYTES} bytes are allowed")
                for block in self._reader.read(data):
                    self._put(block)
        except BlockError as error:
            self.end(INVALID, str(error))
        except OSError as error:
            self.end(INTERNAL, f"the take cannot be written ({error.strerror or error})")
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: starlette, after the socket was closed
            self.end(NORMAL, "")

    def _put(self, block: Block) -> None:
        if self.take is not None and self.take.started and (block.restarts or self.take.full):
            self.stop_take()  # its samples would have two rates, or a gap
        if self._restarts:
            block, self._restarts = replace(block, restarts=True), False
        if self.take is not None:
            self.take.add_block(block)
        assert self._listener is not None
        self._listener.put(block)

    async def _send(self) -> None:
        try:
            while True:
                text = await self._outbox.get()
                await asyncio.wait_for(self._socket.send_text(text), SEND_LIMIT_S)
        except TimeoutError:
            self.end(TRY_LATER, TOO_SLOW)
        except (WebSocketDisconnect, RuntimeError, OSError):
            self.end(NORMAL, "")

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(STATUS_EVERY_S)
            assert self._listener is not None
            self._post(
                {
                    "kind": "status",
                    "programs": [asdict(status) for status in self._listener.status()],
                    "drop_outs": self._reader.drop_outs,
                    "dropped_ms": self._reader.dropped_ms,
                    "rate_changes": self._reader.rate_changes,
                    "recording_s": self.take.duration_s if self.take else None,
                }
            )

    async def _close_socket(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            try:
                await asyncio.wait_for(self._socket.close(code, reason), CLOSE_LIMIT_S)
            except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
                return  # the page is gone

    def _from_thread(self, post: Callable[..., None]) -> Callable[..., None]:
        """Returns a function that calls `post` in the loop, for the threads of the sessions."""

        def call(*args: Any) -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(post, *args)

        return call

    def _frames(self, session: int, step: Step) -> None:
        if self.take is not None:
            self.take.add_step(session, step)
        self._post(
            {
                "kind": "frames",
                "program": session,
                "time_s": _finite(step.time_s, 6),
                "pitch": _finite(step.pitch_semitones, 4),
                "confidence": _finite(step.confidence, 4),
                "call_ms": round(step.call_ms, 3),
            }
        )

    def _failed(self, session: int, reason: str) -> None:
        self._post({"kind": "failed", "program": session, "reason": reason})

    def _post(self, message: dict[str, Any]) -> None:
        try:
            self._outbox.put_nowait(json.dumps(message, allow_nan=False))
        except asyncio.QueueFull:
            self.end(TRY_LATER, TOO_SLOW)

    def _hello(self) -> dict[str, Any]:
        rows = zip(self._programs, self._sessions.all, self._sessions.algorithmic_ms, strict=True)
        return {
            "kind": "hello",
            "client": self.id,
            "threshold": self._sessions.display_threshold,
            "programs": [
                {
                    "name": name,
                    "native": session.native,
                    "rate_hz": session.stream.sample_rate_hz,
                    "chunk_ms": session.stream.chunk_ms,
                    "hop_ms": session.stream.hop_ms,
                    "algorithmic_ms": algorithmic_ms,
                }
                for name, session, algorithmic_ms in rows
            ],
        }


def _finite(values: NDArray[np.floating], digits: int) -> list[float | None]:
    """Returns numbers as JSON has them: null if a number is not finite."""
    return [round(value, digits) if math.isfinite(value) else None for value in values.tolist()]
