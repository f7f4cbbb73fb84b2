"""Exports PESTO to ExecuTorch, ONNX and TorchScript, and measures how each export differs from the original.

`workbench.api` documents the functions.
"""

from workbench.api.programs import build, load_baseline, load_program, track
from workbench.api.recipes import load_recipe
from workbench.api.results import compare, load_result, run, score
from workbench.errors import WorkbenchError

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
