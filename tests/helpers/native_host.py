"""A stand-in for the native host, which goes wrong in the middle."""

import json
import sys
from pathlib import Path

from workbench.runtime.executorch import PteSession

KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


def faulty_host(path: Path, program: Path, then: str) -> Path:
    """Writes a host that replies as if it had loaded the program, and does `then` at the first request."""
    hello = json.dumps({"entries": PteSession(program).metadata.entries(), "load_ns": 1}).encode()
    path.write_text(
        f"#!{sys.executable}\n"
        "import os, signal, struct, sys\n"
        f"hello = {hello!r}\n"
        "sys.stdout.buffer.write(struct.pack('=II', 0, len(hello)) + hello)\n"
        "sys.stdout.flush()\n"
        "sys.stdin.buffer.read(12)\n"
        f"{then}\n"
    )
    path.chmod(0o755)
    return path
