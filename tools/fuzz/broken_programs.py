"""A program cut off at every kilobyte, and with bytes flipped: what becomes of whoever loads it. By hand:

    python -m tools.fuzz.broken_programs PROGRAM.pte [--step 1024] [--flips 1000] [--seed 0]

Each damaged copy is loaded and given two calls in a process that may crash or hang (`runtime.child`, as `track`,
`bench` and `verify` load what they are given); this one goes on. A flipped weight is no damage that a runtime could
see: those that run and answer otherwise are counted, and are why records and bundles have the SHA-256.
"""

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workbench.errors import ProgramError, WorkbenchError
from workbench.runtime.executorch import PteSession
from workbench.runtime.isolation import IsolatedProcess

LIMIT_S = 60.0


def answer(path: Path) -> bytes:
    """In a child: what the program says to two calls of a sine."""
    session = PteSession(path)
    stream = session.stream
    said = []
    for at in range(2):
        samples = np.sin(np.arange(stream.streams * stream.chunk_samples) / 20 + at).astype(np.float32)
        frames = session.step(samples.reshape(stream.streams, -1))
        said += [frames.pitch_semitones.tobytes(), frames.confidence.tobytes()]
    return b"".join(said)


def cut(whole: bytes, step: int) -> Iterator[tuple[str, bytes]]:
    """Every length that is a multiple of the step, from the longest."""
    for length in range((len(whole) - 1) // step * step, -1, -step):
        yield f"cut to {length} bytes", whole[:length]


def flipped(whole: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """One byte changed, half of them in the first 8 kB, where most of what is not weights lies."""
    draw = random.Random(seed)
    for at in range(count):
        place = draw.randrange(min(8192, len(whole)) if at % 2 else len(whole))
        mask = draw.randrange(1, 256)
        yield f"byte {place} ^ {mask}", whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :]


def survey(program: Path, damaged: Iterator[tuple[str, bytes]]) -> tuple[Counter[str], list[str]]:
    """What became of each: refused, crashed, hung, as whole, otherwise; and a line for each that crashed or hung."""
    counts: Counter[str] = Counter()
    lines = []
    with tempfile.TemporaryDirectory() as made:
        path, child = Path(made) / "p.pte", IsolatedProcess(LIMIT_S).__enter__()
        try:
            right = child.call(answer, program)
            for what, content in damaged:
                path.unlink(missing_ok=True)  # never under a program that still has it mapped
                path.write_bytes(content)
                try:
                    outcome = "as whole" if child.call(answer, path) == right else "otherwise"
                except WorkbenchError as error:
                    outcome = "refused"
                    if "crashed the runtime" in str(error) or "no answer" in str(error) or "was killed" in str(error):
                        outcome = "hung" if "no answer" in str(error) else "crashed"
                        lines.append(f"{what}: {error}")
                        child.__exit__(None, None, None)
                        child = IsolatedProcess(LIMIT_S).__enter__()
                    elif not isinstance(error, ProgramError) or "\n" in str(error):
                        lines.append(f"{what}: {error!r}")
                except Exception as error:  # not in one line of ours
                    outcome = "raised"
                    lines.append(f"{what}: {error!r}")
                counts[outcome] += 1
        finally:
            child.__exit__(None, None, None)
    return counts, lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Load damaged copies of a program.")
    parser.add_argument("program", type=Path)
    parser.add_argument("--step", type=int, default=1024)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    content = asked.program.read_bytes()
    for title, some in (("cut", cut(content, asked.step)), ("flipped", flipped(content, asked.flips, asked.seed))):
        counts, lines = survey(asked.program, some)
        print(f"{title}: {sum(counts.values())} damaged copies: {dict(counts)}", flush=True)
        for line in lines[:20]:
            print(f"  {line}")
