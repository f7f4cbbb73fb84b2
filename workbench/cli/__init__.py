"""The command line. It alone prints, and turns errors into one line each on stderr and an exit code."""

from workbench.cli import (  # each adds its commands to the group
    bench,
    bundle,
    compare,
    pick,
    profile,
    report,
    run,
    runs,
    score,
    show,
    soak,
    sweep,
    track,
)
from workbench.cli._shared.group import main

__all__ = [
    "bench",
    "bundle",
    "compare",
    "main",
    "pick",
    "profile",
    "report",
    "run",
    "runs",
    "score",
    "show",
    "soak",
    "sweep",
    "track",
]
