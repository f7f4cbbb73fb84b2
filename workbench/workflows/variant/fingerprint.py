"""Fingerprints: hashes of everything that a program or a result depends on. Only an equal fingerprint allows reuse.

Of the workbench's own source, only what can change the outcome is hashed. By the import contract, a stage imports
nothing of a later one, so a change to a table, a plot or a help text changes no fingerprint.
"""

import functools
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from workbench.audio.decode import Clip
from workbench.export.backends import EXPORTERS
from workbench.recipe import Recipe
from workbench.recipe.stream_config import StreamConfig
from workbench.records.environment import cpu, dependencies

_PACKAGE = Path(__file__).parents[2]

PROGRAM_SOURCE = (
    "units.py",
    "private_names.py",
    "record_model.py",
    "recipe",
    "audio",
    "model",
    "quantize",
    "export",
    "workflows/variant/prepare.py",
    "workflows/variant/build.py",
)
"""Packages and modules that can change the bytes of a program."""
RESULT_SOURCE = (*PROGRAM_SOURCE, "runtime", "measure", "records", "workflows/variant")
"""Packages and modules that can change a number of a result. A verdict is judged again whenever a result is reused."""
BASELINE_SOURCE = (
    "units.py",
    "recipe/options.py",
    "recipe/stream_config.py",
    "model",
    "runtime",
    "workflows/variant/baseline.py",
)
"""Packages and modules that can change a frame of the baseline on given samples."""

_SUFFIXES = (".py", ".h", ".hpp", ".cpp", ".txt")  # of Python, C++ and CMake

_PROGRAM_KEYS = (
    "reduction",
    "state",
    "outputs",
    "frontend",
    "frontend_tolerance",
    "lowering",
    "quantization",
    "postprocess",
)


@dataclass(frozen=True)
class SourceHashes:
    """The workbench's own source: what can change a program, and what can change a result."""

    program: str
    result: str


def source_hashes(package: Path = _PACKAGE) -> SourceHashes:
    """Returns the hashes of the source as it is now."""
    return SourceHashes(_hash_source(package, PROGRAM_SOURCE), _hash_source(package, RESULT_SOURCE))


@functools.cache
def baseline_environment() -> str:
    """Returns the hash of what decides the baseline's frames of some samples, apart from checkpoint and stream."""
    return canonical_sha256(_hash_source(_PACKAGE, BASELINE_SOURCE), dependencies(), floating_point_platform())


def _hash_source(package: Path, names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        path = package / name
        files = (found for found in path.rglob("*") if found.suffix in _SUFFIXES) if path.is_dir() else [path]
        for file in sorted(files):
            digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def canonical_sha256(*parts: object) -> str:
    """Returns the hash of plain data, as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def floating_point_platform() -> list[object]:
    """Returns what decides how reductions are rounded, apart from the versions: machines may share a folder."""
    capability = torch.backends.cpu.get_cpu_capability()
    return [platform.machine(), platform.python_version(), torch.__version__, torch.version.git_version, capability]


def program_fingerprint(
    recipe: Recipe,
    stream: StreamConfig,
    checkpoint_sha256: str,
    source: SourceHashes,
    calibration_clips: Sequence[Clip],
) -> str:
    """Returns the hash of everything that a program depends on.

    Args:
        recipe: The keys that only score, time or judge the program do not count.
        stream: The stream that the recipe configures.
        checkpoint_sha256: The hash of the checkpoint's file.
        source: The hashes of the workbench's source.
        calibration_clips: They count only if the recipe quantizes more than weights.
    """
    resolved = recipe.resolved()
    calibration: list[object] = []
    if recipe.quantization.needs_audio:
        calibration += [clip.identity for clip in calibration_clips]
        # the last bits of a range depend on the threads, the check of stability on the confidence
        calibration += [recipe.speed.threads, recipe.scoring.voiced_confidence]
    return canonical_sha256(
        checkpoint_sha256,
        repr(stream),
        {key: resolved[key] for key in _PROGRAM_KEYS},
        calibration,
        dependencies() | EXPORTERS[recipe.lowering.backend].extra.versions(),
        source.program,
        floating_point_platform(),
    )


def result_fingerprint(recipe: Recipe, program_fingerprint: str, source: SourceHashes, clips: Sequence[Clip]) -> str:
    """Returns the hash of everything that the numbers of a result depend on, with the machine that measures the times.

    Args:
        recipe: The keys that only judge or describe the numbers do not count.
        program_fingerprint: The fingerprint of the program that is measured.
        source: The hashes of the workbench's source.
        clips: All clips, for calibration and for scoring.
    """
    resolved = recipe.resolved()
    del resolved["description"], resolved["gates"], resolved["scoring"]["min_voiced_frames"]
    audio = [[clip.name, clip.identity, clip.f0 and clip.f0.sha256] for clip in clips]
    return canonical_sha256(program_fingerprint, resolved, audio, source.result, cpu(), os.cpu_count())
