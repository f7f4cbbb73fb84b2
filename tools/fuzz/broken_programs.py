"""Loads damaged copies of a program, cut off or with a flipped byte, and counts what happens. Started by hand:

    python -m tools.fuzz.broken_programs PROGRAM.pte [--step 1024] [--flips 1000] [--seed 0]

Each copy is loaded and called twice in a child process (`runtime.isolation`, which `track`, `bench` and `verify` use
too), so this process survives a crash. No runtime can detect a flipped weight: copies that run with another output are
counted, and are the reason why results and bundles have a SHA-256.
"""

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workbench.errors import ProgramCrashError, ProgramError, ProgramTimeoutError, WorkerKilledError
from workbench.runtime.executorch import PteSession
from workbench.runtime.isolation import IsolatedProcess

LIMIT_S = 60.0
_HEADER_BYTES = 8192  # most of what is not weights


def run(path: Path) -> bytes:
    """In a child process: returns pitch and confidence of two calls with a sine."""
    session = PteSession(path)
    stream = session.stream
    outputs = []
    for phase in range(2):
        samples = np.sin(np.arange(stream.streams * stream.chunk_samples) / 20 + phase).astype(np.float32)
        frames = session.step(samples.reshape(stream.streams, -1))
        outputs += [frames.pitch_semitones.tobytes(), frames.confidence.tobytes()]
    return b"".join(outputs)


def cut(content: bytes, step: int) -> Iterator[tuple[str, bytes]]:
    """Yields a title and the content cut to every length that is a multiple of the step, from the longest."""
    for length in range((len(content) - 1) // step * step, -1, -step):
        yield f"cut to {length} bytes", content[:length]


def flipped(content: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yields a title and the content with one byte changed; half of the changes are in the first 8 kB."""
    draw = random.Random(seed)
    for number in range(count):
        index = draw.randrange(min(_HEADER_BYTES, len(content)) if number % 2 else len(content))
        mask = draw.randrange(1, 256)
        yield f"byte {index} ^ {mask}", content[:index] + bytes([content[index] ^ mask]) + content[index + 1 :]


def survey(program: Path, damaged: Iterator[tuple[str, bytes]]) -> tuple[Counter[str], list[str]]:
    """Runs damaged copies of a program.

    Returns:
        How many were "refused", "crashed" or "hung", ran "as whole" or "otherwise", or "raised" an error that is not a
        one-line error of the workbench; and a line for each that crashed, hung or raised.
    """
    counts: Counter[str] = Counter()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        path, child = Path(folder) / "p.pte", IsolatedProcess(LIMIT_S).__enter__()
        try:
            expected = child.call(run, program)
            for title, content in damaged:
                path.unlink(missing_ok=True)  # never overwrites a program that is still mapped into memory
                path.write_bytes(content)
                try:
                    outcome = "as whole" if child.call(run, path) == expected else "otherwise"
                except Exception as error:
                    outcome = _outcome(error)
                    if outcome != "refused":
                        lines.append(f"{title}: {error!r}")
                if outcome in ("crashed", "hung"):
                    child.__exit__(None, None, None)
                    child = IsolatedProcess(LIMIT_S).__enter__()
                counts[outcome] += 1
        finally:
            child.__exit__(None, None, None)
    return counts, lines


def _outcome(error: Exception) -> str:
    match error:
        case ProgramCrashError() | WorkerKilledError():
            return "crashed"
        case ProgramTimeoutError():
            return "hung"
        case ProgramError() if "\n" not in str(error):
            return "refused"
    return "raised"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Load damaged copies of a program.")
    parser.add_argument("program", type=Path)
    parser.add_argument("--step", type=int, default=1024)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    whole = options.program.read_bytes()
    for title, copies in (
        ("cut", cut(whole, options.step)),
        ("flipped", flipped(whole, options.flips, options.seed)),
    ):
        counts, lines = survey(options.program, copies)
        print(f"{title}: {counts.total()} damaged copies: {dict(counts)}", flush=True)
        for line in lines[:20]:
            print(f"  {line}")
