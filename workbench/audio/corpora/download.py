"""Downloads of large files: verified by their checksum, and continued where an earlier download was cut.

mirdata's own download and pooch's start again from the first byte, so this uses requests and the header Range.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from workbench.errors import CorpusError, first_line

PARTIAL_SUFFIX = ".part"
_ATTEMPTS_WITHOUT_PROGRESS = 3
_CONNECT_LIMIT_S, _READ_LIMIT_S = 15, 60
_BLOCK_BYTES = 1 << 16


def download(url: str, path: Path, md5: str, received: Callable[[int, int], None]) -> None:
    """Downloads a file, unless it is there. A part that an earlier call left beside it is continued.

    Args:
        url: Where it is.
        path: Where it goes. Nothing is there until the whole file has the right checksum.
        md5: Its checksum, in hexadecimal.
        received: Called with the bytes received so far and in all; in all is 0 if the server does not say.

    Raises:
        CorpusError: The server cannot be reached or refuses, the connection is cut again and again, or the checksum is
            wrong. The part stays, except if its checksum is wrong.
        OSError: The file cannot be written.
    """
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    attempts = 0
    while True:
        before = _size(partial)
        failure = _continue(url, partial, received)
        if not failure:
            break
        attempts = 0 if _size(partial) > before else attempts + 1
        if attempts >= _ATTEMPTS_WITHOUT_PROGRESS or (not before and not _size(partial)):
            raise CorpusError(f"{url}: {failure}; {_advice(_size(partial))}")
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != md5:
        partial.unlink()
        raise CorpusError(
            f"{url}: the file has the MD5 checksum {found}, expected {md5}; it was deleted, run the command again"
        )
    partial.replace(path)


def _continue(url: str, partial: Path, received: Callable[[int, int], None]) -> str:
    """Adds what is missing to a part. Returns why the end was not reached, or "" if it was."""
    import requests

    have, is_reached = _size(partial), False
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=(_CONNECT_LIMIT_S, _READ_LIMIT_S)) as response:
            if have and response.status_code == requests.codes.requested_range_not_satisfiable:
                return ""  # there is no more; the checksum decides
            if response.status_code not in (requests.codes.ok, requests.codes.partial_content):
                raise CorpusError(
                    f"{url}: the server refuses it ({response.status_code} {response.reason}); try again later, or "
                    "update mirdata"
                )
            if response.status_code == requests.codes.ok:
                have = 0  # the server does not continue, so the whole file follows
            is_reached, total = True, have + int(response.headers.get("Content-Length", 0))
            with partial.open("ab" if have else "wb") as file:
                for block in response.iter_content(_BLOCK_BYTES):
                    file.write(block)
                    received(file.tell(), max(total, file.tell()))
            return "" if _size(partial) >= total else "the connection was cut"
    except requests.RequestException as error:
        return "the connection was cut" if is_reached else f"cannot be reached ({_reason(error)})"


def _advice(received_bytes: int) -> str:
    if not received_bytes:
        return "check the network and run the command again"
    return f"run the command again, it continues after {received_bytes / 1e6:.1f} MB"


def _reason(error: Exception) -> str:
    """Returns the innermost reason in plain words: what requests raises is wrapped several times."""
    text = first_line(error)
    for sign, reason in (
        ("NameResolutionError", "its name is not known to the network"),
        ("getaddrinfo", "its name is not known to the network"),
        ("refused", "connection refused"),
        ("timed out", "no reply in time"),
        ("ProxyError", "the proxy refuses"),
        ("SSLError", "its certificate is not accepted"),
    ):
        if sign in text:
            return reason
    return type(error).__name__


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
