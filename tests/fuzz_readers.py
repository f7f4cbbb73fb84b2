"""The readers of what others wrote, fed with mutations that reach new lines of code: by hand.

    python tests/fuzz_readers.py --minutes 10 [--seed 0] [--reader recipe]

Coverage-guided as AFL is: an input that makes a reader run a line that none has run before is kept and mutated on. The
seeds are the shipped recipes, the manifest of clips, a kept record, and a bundle's files. A reader may return or raise
one of the workbench's own errors, in lines that are not empty; anything else, and an answer that takes longer than 5 s,
is a finding, and its input is printed. Lines are seen by `sys.settrace` in the modules of ours that read.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from workbench.audio.manifest import read_manifest
from workbench.audit.bundle.standalone import MANIFEST, SUMS, NotABundleError, canonical_sums, check_hashes
from workbench.audit.bundle.verify import _check_entries
from workbench.audit.results import read_record
from workbench.errors import WorkbenchError
from workbench.recipe import Vocabulary, load_recipes, read_limits

ROOT = Path(__file__).parent.parent
SLOW_S = 5.0
TRACED = tuple(f"{ROOT}/workbench/{place}" for place in ("recipe", "audio/manifest", "audit/results", "audit/bundle"))
WORDS = (
    b"extends: ", b"matrix: ", b"null", b"{}", b"[]", b"&a ", b"*a", b"!!", b"<<: ", b"---\n", b"- ", b"? ", b": ",
    b"'", b'"', b"|", b">", b"<= ", b">= ", b"1e999", b".nan", b".inf", b"0x", b"-1", b"\xff", b"\x00", b"\\ud800",
    b"2001-01-01", b"true", b"files", b"../", b"\n", b"  ", b"\t", b"[" * 30, b"{" * 30, b"9" * 5000, b"%YAML 1.1\n",
)  # fmt: skip


@dataclass
class Reader:
    """What is fed, from what it starts, and what it has answered."""

    read: Callable[[Path, bytes], object]
    seeds: list[bytes]
    tried: int = 0
    taken: int = 0
    findings: list[str] = field(default_factory=list)


def _recipe(folder: Path, content: bytes) -> object:
    path = folder / "r.yaml"
    path.write_bytes(content)
    return load_recipes([path], Vocabulary(("mir-1k_g7",), ("sung/a",), ("sung",), ("program.bytes",)))


def _gates(folder: Path, content: bytes) -> object:
    path = folder / "g.yaml"
    path.write_bytes(content)
    return read_limits(path, Vocabulary((), (), (), ("program.bytes",)))


def _manifest(folder: Path, content: bytes) -> object:
    path = folder / "manifest.yaml"
    path.write_bytes(content)
    return read_manifest(path)


def _record(folder: Path, content: bytes) -> object:
    path = folder / "result.json"
    path.write_bytes(content)
    return read_record(path)


def _bundle(folder: Path, content: bytes) -> object:
    """A manifest.json with the SHA256SUMS that belongs to it, so that more than the sums is read."""
    import hashlib

    (folder / MANIFEST).write_bytes(content)
    (folder / SUMS).write_text(canonical_sums({MANIFEST: hashlib.sha256(content).hexdigest()}))
    return check_hashes(folder)


def _zip(folder: Path, content: bytes) -> object:
    import io
    import zipfile

    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # what zipfile raises is `verify`'s to translate, and tested there
        raise NotABundleError("no zip") from error
    return _check_entries(archive.infolist())


def _a_zip() -> bytes:
    import io
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("manifest.json", "golden/audio.wav", "../x"):
            archive.writestr(name, b"x")
    return made.getvalue()


def readers() -> dict[str, Reader]:
    recipes = [path.read_bytes() for path in sorted((ROOT / "recipes").glob("*.yaml"))]
    record = (ROOT / "docs" / "measured" / "float-xnnpack.json").read_bytes()
    entry = b'{"bytes": 4, "sha256": "' + b"0f" * 32 + b'"}'
    names = (b"program.pte", b"golden/audio.wav", b"golden/frames.csv")
    listed = b'{"bundle_format": 1, "files": {' + b", ".join(b'"%s": %s' % (name, entry) for name in names) + b"}}"
    return {
        "recipe": Reader(_recipe, recipes),
        "gates": Reader(_gates, [b"program.bytes: <= 1_000\n", b"program.bytes: null\n"]),
        "clips": Reader(_manifest, [(ROOT / "calib_audio" / "manifest.yaml").read_bytes()]),
        "record": Reader(_record, [record]),
        "bundle": Reader(_bundle, [listed]),
        "zip": Reader(_zip, [_a_zip()]),
    }


def mutated(draw: random.Random, kept: list[bytes]) -> bytes:
    """A kept input with some bytes changed, words put in, pieces cut out or doubled, or spliced with another."""
    content = bytearray(draw.choice(kept))
    for _ in range(draw.choice((1, 1, 2, 4, 8))):
        at = draw.randrange(len(content) + 1)
        end = min(len(content), at + draw.choice((1, 2, 8, 64)))
        kind = draw.randrange(6)
        if kind == 0 and content:
            content[min(at, len(content) - 1)] = draw.randrange(256)
        elif kind == 1:
            content[at:at] = draw.choice(WORDS)
        elif kind == 2:
            del content[at:end]
        elif kind == 3:
            content[at:at] = content[at:end]
        elif kind == 4:
            content[at:end] = draw.choice(WORDS)
        else:
            other = draw.choice(kept)
            start = draw.randrange(len(other) + 1)
            content[at:end] = other[start : start + draw.choice((4, 32, 256))]
    return bytes(content)


@contextmanager
def lines_seen() -> Iterator[set[tuple[str, int, int]]]:
    """The lines that our readers run within, each with the one before it in its function."""
    seen: set[tuple[str, int, int]] = set()

    def of_a_call(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(TRACED):
            return None
        before = frame.f_lineno

        def of_a_line(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal before
            seen.add((frame.f_code.co_filename, before, frame.f_lineno))
            before = frame.f_lineno
            return of_a_line

        return of_a_line

    sys.settrace(of_a_call)
    try:
        yield seen
    finally:
        sys.settrace(None)


def feed(reader: Reader, folder: Path, content: bytes) -> set[tuple[str, int, int]]:
    """Read one input; returns the lines that ran."""
    began = time.monotonic()
    with lines_seen() as seen:
        try:
            reader.read(folder, content)
            reader.taken += 1
        except (WorkbenchError, NotABundleError) as error:
            lines = getattr(error, "problems", (str(error),))
            if not lines or not all(line.strip() and "\n" not in line and line.isprintable() for line in lines):
                reader.findings.append(f"says {lines!r} of {content!r}")
        except Exception as error:
            reader.findings.append(f"raises {error!r} for {content!r}")
    reader.tried += 1
    if time.monotonic() - began > SLOW_S:
        reader.findings.append(f"takes {time.monotonic() - began:.0f} s for {content!r}")
    return seen


def main(minutes: float, seed: int, only: str | None) -> int:
    draw = random.Random(seed)
    chosen = {name: reader for name, reader in readers().items() if only in (None, name)}
    with tempfile.TemporaryDirectory() as made:
        for name, reader in chosen.items():
            reached: set[tuple[str, int, int]] = set()
            kept = []
            for content in reader.seeds:
                reached |= feed(reader, Path(made), content)
                kept.append(content)
            seeded = len(reached)
            until = time.monotonic() + 60 * minutes / len(chosen)
            while time.monotonic() < until:
                content = mutated(draw, kept)
                new = feed(reader, Path(made), content) - reached
                if new:
                    reached |= new
                    kept.append(content)
            print(
                f"{name:8} {reader.tried:7,} inputs, {reader.taken:6,} taken, {len(kept):4} kept, steps between lines "
                f"{seeded} -> {len(reached)}, {len(set(reader.findings))} findings",
                flush=True,
            )
            for finding in list(dict.fromkeys(reader.findings))[:5]:
                print(f"  {finding[:600]}")
    return sum(len(reader.findings) for reader in chosen.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Coverage-guided fuzzing of the readers.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=sorted(readers()))
    asked = parser.parse_args()
    sys.exit(bool(main(asked.minutes, asked.seed, asked.reader)))
