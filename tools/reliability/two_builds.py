"""Recipes built twice, each time anew and in a process of its own, compared byte by byte: by hand, it takes minutes.

    python -m tools.reliability.two_builds recipes/float-xnnpack.yaml recipes/int8-static.yaml [--out FILE.json]

Calibrates twice too, where the recipe does. Exit code 1 where two builds differ.
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
class Twice:
    """A program of two builds: where their bytes differ first, None where nowhere."""

    variant: str
    bytes: int
    sha256: str
    first_difference: int | None


def built(recipe: Path, folder: Path) -> dict[str, bytes]:
    """Every variant's program, by its name."""
    command = [sys.executable, "-m", "workbench", "build", str(recipe), "--out", str(folder), "--fresh"]
    subprocess.run(command, check=True, capture_output=True)
    return {path.parent.name: path.read_bytes() for path in sorted(folder.glob("*/*")) if path.name in FILE_NAMES}


def compared(recipe: Path, folder: Path) -> list[Twice]:
    first, second = (built(recipe, folder / name) for name in ("first", "second"))
    assert first and first.keys() == second.keys()
    return [
        Twice(name, len(one), hashlib.sha256(one).hexdigest(), difference(one, second[name]))
        for name, one in first.items()
    ]


def difference(one: bytes, other: bytes) -> int | None:
    if one == other:
        return None
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build recipes twice and compare the bytes.")
    parser.add_argument("recipes", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="where to put the figures as JSON as well")
    asked = parser.parse_args()
    found = []
    for recipe in asked.recipes:
        with tempfile.TemporaryDirectory(prefix="two-builds-") as made:
            for one in compared(recipe, Path(made)):
                found.append(one)
                same = "the same" if one.first_difference is None else f"differ at byte {one.first_difference}"
                print(f"{one.variant:24} {one.bytes:>12,} bytes  {one.sha256[:12]}…  {same}", flush=True)
    if asked.out:
        asked.out.write_text(json.dumps({**run_here(), "builds": [asdict(one) for one in found]}, indent=2) + "\n")
    sys.exit(any(one.first_difference is not None for one in found))
