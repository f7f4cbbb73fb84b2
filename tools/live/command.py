"""The command `workbench live` as a process, and the scale that it listens to."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import soundfile

RATE_HZ = 48_000
SCALE = (45, 50, 57, 59, 61, 62, 64, 66, 68, 69, 74, 81)
_END_LIMIT_S = 30


@dataclass
class LiveCommand:
    """A command that runs. `exit_code` and `end_s`, the seconds that it took to end, are known after it has ended."""

    process: psutil.Process
    address: str
    exit_code: int = -1
    end_s: float = float("nan")


@contextmanager
def live_command(programs: Sequence[Path], folder: Path) -> Iterator[LiveCommand]:
    """Runs `workbench live` on a free port, with the takes in `folder`, and ends it as Ctrl-C does."""
    words = ["live", *map(str, programs), "--port", "0", "--no-browser", "--out", str(folder)]
    process = subprocess.Popen([sys.executable, "-m", "workbench", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    command = LiveCommand(psutil.Process(process.pid), process.stdout.readline().strip())
    try:
        yield command
    finally:
        process.send_signal(2)
        began_s = time.monotonic()
        command.exit_code = process.wait(_END_LIMIT_S)
        command.end_s = time.monotonic() - began_s


def memory_mb(process: psutil.Process) -> float:
    """Returns the memory of a process and its children; shared pages count in each, because PSS takes too long."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.Error):  # it has ended meanwhile
            total += each.memory_info().rss
    return total / 1e6


def write_scale(path: Path) -> None:
    """Writes a rising scale of harmonic notes with short rests, 0.9 seconds each."""
    time_s = np.arange(round(0.8 * RATE_HZ)) / RATE_HZ
    envelope = np.clip(np.minimum(time_s / 0.02, (time_s[-1] - time_s) / 0.05), 0, 1)
    notes = []
    for note in SCALE:
        phase = 2 * np.pi * 440 * 2 ** ((note - 69) / 12) * time_s
        notes += [0.15 * envelope * sum(np.sin(n * phase) / n for n in range(1, 13)), np.zeros(RATE_HZ // 10)]
    soundfile.write(path, np.concatenate(notes), RATE_HZ, "PCM_16")
