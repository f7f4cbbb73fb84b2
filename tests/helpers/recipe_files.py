"""Recipe files in the current folder, the names that they may use, and what is wrong with them."""

from pathlib import Path

import pytest

from workbench.errors import RecipeError
from workbench.recipe import KnownNames, Recipe, load_recipes

KNOWN_NAMES = KnownNames(
    checkpoints=("mir-1k_g7",),
    clips=("synthetic/calibrate/glide", "synthetic/score/vibrato-alto", "sung/verse", "sung/calibrate/scales"),
    clip_folders=("synthetic/calibrate", "synthetic/score", "sung", "sung/calibrate"),
    metrics=("deviation.pitch.p95_cents", "deviation.confidence.max", "program.bytes", "speed.speedup_p50"),
)
LEAST = "description: A test\nsample_rate_hz: 48000\nchunk_samples: 960\nmirror: 1\n"
"""The required keys: 48 kHz, one frame of 20 ms in a call."""


def with_keys(text: str) -> str:
    """Returns LEAST with more keys; a key that is in `text` replaces the one of LEAST."""
    key = text.split(":")[0] + ":"
    rest = "".join(line + "\n" for line in LEAST.splitlines() if not line.startswith(key))
    return f"{rest}{text}\n"


def write(name: str, text: str | bytes) -> Path:
    """Writes a file in the current folder, with its folders."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(text: str | bytes, name: str = "r.yaml") -> list[Recipe]:
    """Writes a recipe file and loads it."""
    return load_recipes([write(name, text)], KNOWN_NAMES)


def problems(*paths: Path) -> list[str]:
    """Returns the problems of recipe files, of which at least one must be wrong."""
    with pytest.raises(RecipeError) as caught:
        load_recipes(paths, KNOWN_NAMES)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def problems_of(text: str | bytes) -> list[str]:
    """Returns the problems of the recipe file r.yaml with this text."""
    return problems(write("r.yaml", text))
