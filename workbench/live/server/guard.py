"""Who may use the server: only a page of this address, with the token that the command printed.

Any website can send requests to 127.0.0.1. The token keeps them out; the check of Host stops a name that its owner lets
point to 127.0.0.1 (DNS rebinding), and the check of Origin stops a foreign page that has learned the address.
"""

import ipaddress
import secrets

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1


class Guard:
    """Passes on the requests of the page and refuses all others. The token is the first part of every path."""

    def __init__(self, app: ASGIApp, token: str, bound_to: str) -> None:
        """`bound_to` is the address that the server listens on."""
        self._app, self._token = app, token
        self._bound_to = bound_to

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        token, _, rest = scope["path"].removeprefix("/").partition("/")
        refusal = self._refusal(headers, changes=scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD"))
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            refusal = 404, "not found"
        if refusal is None:
            await self._app({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refusal[1]})
        else:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, send)

    def _refusal(self, headers: Headers, changes: bool) -> tuple[int, str] | None:
        """Returns the status and the reason if a request is refused. `changes`: it may have an effect."""
        host = headers.get("host", "")
        if headers.getlist("host") != [host] or not self._is_own(host):
            return 421, "this host name is not served"
        origins = headers.getlist("origin")
        if origins not in ([], [f"http://{host}"]) or (changes and not origins):
            return 403, "pages of another origin are not served"
        return None

    def _is_own(self, host: str) -> bool:
        """Whether a Host header names this server: a loopback name, the address it is bound to, or any if to all."""
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name in LOOPBACK_NAMES or name.strip("[]") == self._bound_to:
            return True
        return self._bound_to in ("0.0.0.0", "::") and _is_address(name.strip("[]"))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
