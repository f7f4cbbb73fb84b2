"""Whether processes that tests started have ended."""

import os
import subprocess
import sys
import time

LIMIT_S = 20.0


def alive(process: int) -> bool:
    """Whether there is a process of this id, running or not yet waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def ends_with_its_parent(script: str) -> bool:
    """Kills a script that prints the id of a process it started; returns whether that process ends as well."""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        process = int(parent.stdout.readline())
        assert alive(process)
        parent.kill()
    until = time.monotonic() + LIMIT_S
    while alive(process) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(process)
