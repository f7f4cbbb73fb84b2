"""How the library says how far it is; `cli` alone shows it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told the stage, and how much of it is done of how much."""
