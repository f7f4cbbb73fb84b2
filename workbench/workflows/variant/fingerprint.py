"""Hashes of all that a program or a result depends on: what was made from something else is not reused."""

import hashlib
import json
import platform
from pathlib import Path

import torch

import workbench

_PACKAGE = Path(workbench.__file__).parent


def floating_point_platform() -> list[object]:
    """What decides how sums are rounded, beside the versions: a folder may be shared by different machines."""
    capability = torch.backends.cpu.get_cpu_capability()
    return [platform.machine(), platform.python_version(), torch.__version__, torch.version.git_version, capability]


def canonical_sha256(*parts: object) -> str:
    """Hash of plain data as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def code_sha256() -> str:
    """Hash of the workbench's own source as it is now: what was computed by other code is not reused."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
