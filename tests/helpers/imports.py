"""What the modules of the package import, read from their source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import workbench


def imports_of_package(top_level_only: bool) -> dict[str, set[str]]:
    """The dotted names that each module imports, by its path in the package."""
    package = Path(workbench.__file__).parent
    found = {}
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text())
        nodes = tree.body if top_level_only else ast.walk(tree)
        found[path.relative_to(package).as_posix()] = {name for node in nodes for name in _imported(node)}
    return found


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
