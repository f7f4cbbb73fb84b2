"""Whether processes that tests started have ended."""

import os
import subprocess
import sys
import time
from pathlib import Path

LIMIT_S = 20.0


def alive(process: int) -> bool:
    """Whether there is a process of this id, running or not yet waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _runs(process: int) -> bool:
    """Whether a process is alive and has not ended: in a container, nothing may wait for a child of a killed one."""
    state = Path(f"/proc/{process}/stat")
    try:
        return alive(process) and not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
    except FileNotFoundError:  # it has just ended
        return False


def ends_with_its_parent(script: str) -> bool:
    """Kills a script that prints the id of a process it started; returns whether that process ends as well."""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        process = int(parent.stdout.readline())
        assert alive(process)
        parent.kill()
    until = time.monotonic() + LIMIT_S
    while _runs(process) and time.monotonic() < until:
        time.sleep(0.05)
    return not _runs(process)
