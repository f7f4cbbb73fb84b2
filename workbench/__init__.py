"""Exports PESTO to ExecuTorch, ONNX and TorchScript, and measures how each export differs from the original.

`workbench.api` documents the functions.
"""

from workbench.api import (
    WorkbenchError,
    build,
    compare,
    load_baseline,
    load_program,
    load_recipe,
    load_result,
    run,
    score,
    track,
)

__all__ = [
    "WorkbenchError",
    "build",
    "compare",
    "load_baseline",
    "load_program",
    "load_recipe",
    "load_result",
    "run",
    "score",
    "track",
]
