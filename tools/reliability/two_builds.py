"""Builds recipes twice, without the cache and in two processes, and compares the bytes. Run it by hand: minutes.

    python -m tools.reliability.two_builds recipes/float-xnnpack.yaml recipes/int8-static.yaml [--out FILE.json]

A quantized recipe is calibrated twice as well. Exits with 1 if two builds differ.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.docs.reliability import run_here
from workbench.export.program_file import FILE_NAMES


@dataclass(frozen=True)
class BuiltTwice:
    """A program of two builds. `first_difference` is the first byte that differs, or None."""

    variant: str
    bytes: int
    sha256: str
    first_difference: int | None


def built(recipe: Path, folder: Path) -> dict[str, bytes]:
    """Returns the program of every variant, by the name of the variant."""
    command = [sys.executable, "-m", "workbench", "build", str(recipe), "--out", str(folder), "--fresh"]
    subprocess.run(command, check=True, capture_output=True)
    return {path.parent.name: path.read_bytes() for path in sorted(folder.glob("*/*")) if path.name in FILE_NAMES}


def compared(recipe: Path, folder: Path) -> list[BuiltTwice]:
    """Builds all variants of a recipe twice."""
    first, second = (built(recipe, folder / name) for name in ("first", "second"))
    assert first and first.keys() == second.keys()
    return [
        BuiltTwice(name, len(program), hashlib.sha256(program).hexdigest(), difference(program, second[name]))
        for name, program in first.items()
    ]


def difference(first: bytes, second: bytes) -> int | None:
    """Returns the index of the first byte that differs, or None."""
    if first == second:
        return None
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(first), len(second)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Builds recipes twice and compares the bytes.")
    parser.add_argument("recipes", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write the figures as JSON")
    arguments = parser.parse_args()
    found = []
    for recipe in arguments.recipes:
        with tempfile.TemporaryDirectory(prefix="two-builds-") as folder_name:
            for built_twice in compared(recipe, Path(folder_name)):
                found.append(built_twice)
                at = built_twice.first_difference
                same = "the same" if at is None else f"differ at byte {at}"
                print(
                    f"{built_twice.variant:24} {built_twice.bytes:>12,} bytes  {built_twice.sha256[:12]}…  {same}",
                    flush=True,
                )
    if arguments.out:
        arguments.out.write_text(
            json.dumps({**run_here(), "builds": [asdict(built_twice) for built_twice in found]}, indent=2) + "\n"
        )
    sys.exit(any(built_twice.first_difference is not None for built_twice in found))
