"""Starts the server on a free port, opens the page, and ends all within two seconds after Ctrl-C."""

import contextlib
import errno
import secrets
import socket
import webbrowser
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from workbench.errors import WorkbenchError
from workbench.live.blocks import MAX_MESSAGE_BYTES
from workbench.live.server.app import LiveServer

DEFAULT_PORT = 8377
_TRIED_PORTS = 20
_GRACE_S = 1
_PING_EVERY_S, _PING_LIMIT_S = 5, 10


def bind(host: str, port: int | None) -> socket.socket:
    """Returns a socket that is bound to `host`.

    Args:
        host: An address of this machine, or a name of one.
        port: 0 for any free port. None for the default port, or the next one that is free.

    Raises:
        WorkbenchError: The port is used by another program, or there is no such address here.
    """
    ports = range(DEFAULT_PORT, DEFAULT_PORT + _TRIED_PORTS) if port is None else (port,)
    for candidate in ports:
        try:
            family, _, _, _, address = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0]
            bound = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            raise WorkbenchError(f"--host {host}: {error.strerror}; name an address of this machine") from None
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen()
        except OSError as error:
            bound.close()
            if error.errno == errno.EADDRNOTAVAIL:
                raise WorkbenchError(f"--host {host}: is not an address of this machine; name one that is") from None
            problem = error
        else:
            return bound
    place = f"--port {port}" if port is not None else f"ports {ports[0]} to {ports[-1]}"
    raise WorkbenchError(f"{place}: cannot be used ({problem.strerror}); name another, or 0 for any free port")


def serve(
    server: LiveServer, bound: socket.socket, on_address: Callable[[str], None], open_browser: bool = True
) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        server: What the routes share.
        bound: From `bind`.
        on_address: Receives the address of the page, with its token, once the server listens.
        open_browser: Whether to open the page.

    Raises:
        KeyboardInterrupt: A signal ended the server. All sessions are closed then.
    """
    token = secrets.token_urlsafe(24)
    host, port = bound.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    address = f"http://{shown}:{port}/{token}/"
    running = uvicorn.Server(uvicorn_config(server.app(token, host)))
    on_address(address)
    if open_browser:
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(address)
    running.run(sockets=[bound])


def uvicorn_config(app: ASGIApp) -> uvicorn.Config:
    """Returns how the server runs: with bounded messages, no log of requests, and one second to end.

    A client that does not read does not reply to a ping either, and is disconnected.
    """
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=_PING_EVERY_S,
        ws_ping_timeout=_PING_LIMIT_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
