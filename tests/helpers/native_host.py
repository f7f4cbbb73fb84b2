"""A stand-in for the native host, which goes wrong in the middle."""

import sys
from pathlib import Path

KILLED = "os.kill(os.getpid(), signal.SIGKILL)"
HANGS = "time.sleep(60)"


def faulty_host(path: Path, hello: bytes, then: str) -> Path:
    """Writes a host that replies as if it had loaded a program, and does `then` at the first request."""
    path.write_text(
        f"#!{sys.executable}\n"
        "import os, signal, struct, sys, time\n"
        f"hello = {hello!r}\n"
        "sys.stdout.buffer.write(struct.pack('=II', 0, len(hello)) + hello)\n"
        "sys.stdout.flush()\n"
        "sys.stdin.buffer.read(12)\n"
        f"{then}\n"
    )
    path.chmod(0o755)
    return path
