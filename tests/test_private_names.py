"""Private names of torch, torchao and executorch stand in `workbench/private_names.py` and nowhere else.

Ruff's SLF001 finds `module._name`; this finds the imports, which it does not look at.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = ROOT / "workbench" / "private_names.py"
PACKAGES = ("torch", "torchao", "executorch")


def private_imports(source: str) -> Iterator[str]:
    """Every imported name of these packages with a part that begins with one underscore."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                imported = [alias.name for alias in names]
            case ast.ImportFrom(module, names, 0):
                imported = [f"{module}.{alias.name}" for alias in names]
            case _:
                continue
        for name in imported:
            package, *parts = name.split(".")
            if package in PACKAGES and any(part.startswith("_") and not part.startswith("__") for part in parts):
                yield name


@pytest.mark.parametrize(
    "source, found",
    [
        ("import torch.fx, torch._dynamo", ["torch._dynamo"]),
        ("def f():\n    from executorch.exir._serialize import x", ["executorch.exir._serialize.x"]),
        ("from torch.fx.graph_module import _loader as loader", ["torch.fx.graph_module._loader"]),
        ("from torch import __version__\nfrom workbench.api._inputs import x\nfrom . import _y", []),
    ],
)
def test_private_imports_are_found(source: str, found: list[str]) -> None:
    assert list(private_imports(source)) == found


def test_private_names_stand_in_one_file() -> None:
    files = {path for folder in ("workbench", "tools", "tests") for path in (ROOT / folder).rglob("*.py")}
    assert {(str(path), name) for path in files - {ALLOWED} for name in private_imports(path.read_text())} == set()
    assert list(private_imports(ALLOWED.read_text())) != []
