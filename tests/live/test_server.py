"""The server on a real socket: who may use it, what it refuses, and that it ends."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import soundfile
from starlette.websockets import WebSocketState
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.helpers.live import TOKEN, MeanSession, RunningServer, running_server
from workbench.live.blocks import encode_block
from workbench.live.programs import OpenSessions
from workbench.live.server.client import TOO_SLOW, TRY_LATER, Client
from workbench.live.server.guard import Guard
from workbench.live.server.pool import MAX_CLIENTS

SAMPLES = np.full(160, 0.25, np.float32)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    with running_server(tmp_path, monkeypatch) as running:
        yield running


def opened(server: RunningServer) -> ClientConnection:
    return connect(server.address("audio", "ws"), origin=f"http://127.0.0.1:{server.port}")  # type: ignore[arg-type]


def receive(connection: ClientConnection, kind: str) -> dict[str, Any]:
    for _ in range(100):
        message: dict[str, Any] = json.loads(connection.recv(timeout=10))
        if message["kind"] == kind:
            return message
    raise AssertionError(f"no message {kind}")


OWN, FOREIGN = "http://127.0.0.1:{port}", "http://evil.example"


@pytest.mark.parametrize(
    ("path", "headers", "post", "status"),
    [
        ("/token/", {}, False, 200),
        ("/token/page/main.js", {}, False, 200),
        ("/token/page/../app.py", {}, False, 404),
        ("/token/page/%2e%2e/server/app.py", {}, False, 404),
        ("/", {}, False, 404),
        ("/tokem/", {}, False, 404),
        ("/token", {}, True, 403),
        ("/token/", {"host": "evil.example"}, False, 421),
        ("/token/", {"host": "127.0.0.1.evil.example:80"}, False, 421),
        ("/token/", {"origin": FOREIGN}, False, 403),
        ("/token/", {"origin": "null"}, False, 403),
        ("/token/takes/x/score", {}, True, 403),
        ("/token/takes/x/score", {"origin": FOREIGN}, True, 403),
        ("/token/takes/x/score", {"origin": OWN}, True, 404),
        ("/token/takes/x/report", {}, False, 404),
        ("/token/clients/x/take", {"origin": OWN}, True, 404),
    ],
)
def test_requests(server: RunningServer, path: str, headers: dict[str, str], post: bool, status: int) -> None:
    headers = {name: value.format(port=server.port) for name, value in headers.items()}
    address = f"http://127.0.0.1:{server.port}{path}"
    assert httpx2.request("POST" if post else "GET", address, headers=headers).status_code == status


@pytest.mark.parametrize("origin", [None, FOREIGN, "http://localhost:1"])
def test_foreign_page_cannot_open_the_socket(server: RunningServer, origin: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(server.address("audio", "ws"), origin=origin)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("bound_to", "host", "own"),
    [
        ("127.0.0.1", "localhost:8377", True),
        ("127.0.0.1", "192.168.1.5:8377", False),
        ("192.168.1.5", "192.168.1.5:8377", True),
        ("0.0.0.0", "10.1.2.3:8377", True),
        ("0.0.0.0", "attacker.example:8377", False),  # it may point here (DNS rebinding)
        ("::", "[fd00::1]:8377", True),
        ("::1", "[::1]", True),
        ("127.0.0.1", "", False),
    ],
)
def test_host_names(bound_to: str, host: str, own: bool) -> None:
    assert Guard(lambda *_: None, TOKEN, bound_to)._is_own(host) is own  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("text", 1003),
        (encode_block(0, 8000, np.array([np.nan])), 1007),
        (encode_block(0, 8000, SAMPLES)[:-1], 1007),
        (b"\x00" * 100_000, 1009),
        (b"\x00" * 10_000_000, None),  # the client is still sending when the server ends the connection
        (encode_block(5, 8000, SAMPLES) + b"\x00\x00\xc0\x7f", 1007),
    ],
)
def test_bad_message_closes_the_socket(server: RunningServer, message: bytes | str, code: int | None) -> None:
    with opened(server) as connection:
        receive(connection, "hello")
        with pytest.raises(ConnectionClosed) as closed:
            connection.send(message)
            while True:
                connection.recv(timeout=10)
    assert code is None or (closed.value.rcvd is not None and closed.value.rcvd.code == code)
    with opened(server) as connection:  # the next page works
        receive(connection, "hello")


def test_each_client_has_its_own_sessions_up_to_a_limit(server: RunningServer) -> None:
    clients = [opened(server) for _ in range(MAX_CLIENTS)]
    for level, client in enumerate(clients):
        receive(client, "hello")
        client.send(encode_block(0, 8000, np.full(160, level / 10)))
    for level, client in enumerate(clients):
        assert receive(client, "frames")["pitch"] == pytest.approx([level / 10] * 2)
    with opened(server) as another, pytest.raises(ConnectionClosed, match="4 pages are open already"):
        another.recv(timeout=10)
    clients.pop().close()
    for client in clients:
        client.close()
    with opened(server) as another:
        receive(another, "hello")
    assert len(server.opened) == MAX_CLIENTS


def test_take_is_recorded_with_its_frames(server: RunningServer, tmp_path: Path) -> None:
    headers = {"origin": f"http://127.0.0.1:{server.port}"}
    with opened(server) as connection:
        client = receive(connection, "hello")["client"]
        connection.send(encode_block(0, 8000, SAMPLES))
        receive(connection, "frames")
        assert httpx2.post(server.address(f"clients/{client}/take"), headers=headers).status_code == 204
        assert httpx2.post(server.address(f"clients/{client}/take"), headers=headers).status_code == 409
        for number in range(1, 11):
            connection.send(encode_block(number, 8000, SAMPLES * 2))
        finished: set[int] = set()
        while finished != {0, 1}:
            step = receive(connection, "frames")
            finished |= {step["program"]} if step["time_s"][-1] > 0.205 else set()
        assert httpx2.post(server.address(f"clients/{client}/take/stop"), headers=headers).status_code == 204
        take = receive(connection, "take")
    samples, rate_hz = soundfile.read(take["file"], dtype="float32")
    assert (rate_hz, take["seconds"], set(samples), len(samples)) == (8000, 0.2, {0.5}, 1600)
    lines = Path(take["file"].replace(".wav", "-frames.csv")).read_text().splitlines()
    assert lines[:2] == ["program,time_ms,frequency_hz,confidence", "upstream,0.000,8.415,0.500"]
    assert {line.split(",")[0] for line in lines[1:]} == {"upstream", "mean"}
    assert {line.split(",")[2] for line in lines[1:]} == {"8.415"}  # the sessions were reset before it
    for status in (200, 409):  # the second time it is there
        assert httpx2.post(server.address(f"takes/{take['name']}/sung"), headers=headers).status_code == status
    assert (tmp_path / "sung" / f"{take['name']}.wav").read_bytes() == Path(take["file"]).read_bytes()
    assert "being scored" in httpx2.get(server.address(f"takes/{take['name']}/report")).text


def test_page_names_no_other_host_and_has_a_strict_policy(server: RunningServer) -> None:
    page = httpx2.get(server.address())
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    files = [path for path in (Path(__file__).parents[2] / "workbench/live/page").rglob("*") if path.is_file()]
    named = [word for path in files for word in path.read_text("utf-8").split() if "://" in word]
    assert all("www.w3.org" in word for word in named)  # the namespace of SVG


def test_end_closes_open_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server(tmp_path, monkeypatch) as running:
        connection = opened(running)
        receive(connection, "hello")
    with pytest.raises(ConnectionClosed):
        while True:
            connection.recv(timeout=10)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", running.port)) != 0


class DeafSocket:
    """A page that sends audio and never reads."""

    application_state = WebSocketState.CONNECTED
    closed: tuple[int, str] | None = None

    def __init__(self) -> None:
        self._number = 0

    async def receive(self) -> dict[str, object]:
        await asyncio.sleep(0)
        self._number += 1
        return {"type": "websocket.receive", "bytes": encode_block(self._number - 1, 8000, SAMPLES)}

    async def send_text(self, _: str) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int, reason: str) -> None:
        self.closed = code, reason


@pytest.mark.parametrize(("messages", "seconds"), [(20, 60.0), (100_000, 0.05)])
def test_page_that_does_not_read_is_disconnected(messages: int, seconds: float, monkeypatch: Any) -> None:
    monkeypatch.setattr("workbench.live.server.client.MAX_WAITING_MESSAGES", messages)
    monkeypatch.setattr("workbench.live.server.client.SEND_LIMIT_S", seconds)
    page = DeafSocket()

    async def run() -> bool:
        sessions = OpenSessions(MeanSession(), (MeanSession(),))  # type: ignore[arg-type]
        return await asyncio.wait_for(Client(page, sessions, ("upstream", "mean"), lambda _: None).run(), 20)  # type: ignore[arg-type]

    assert asyncio.run(run())  # the sessions are intact
    assert page.closed == (TRY_LATER, TOO_SLOW)
