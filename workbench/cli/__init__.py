"""The command line: arguments, options and output. One module per command; `_shared` has what they share.

It may import live, workflows, report, bundle, audit, records, recipe and audio, but no stage between audio and records.
Nothing imports it: the work of a command is in workflows and live.
"""

from workbench.cli import (  # each adds its commands to the group
    audio,
    bench,
    build,
    bundle,
    cache,
    check,
    compare,
    doctor,
    live,
    metrics,
    new,
    pick,
    profile,
    recipes,
    report,
    run,
    runs,
    schema,
    score,
    search,
    sensitivity,
    soak,
    sweep,
    track,
    verify,
)
from workbench.cli._shared.group import main

__all__ = [
    "audio",
    "bench",
    "build",
    "bundle",
    "cache",
    "check",
    "compare",
    "doctor",
    "live",
    "main",
    "metrics",
    "new",
    "pick",
    "profile",
    "recipes",
    "report",
    "run",
    "runs",
    "schema",
    "score",
    "search",
    "sensitivity",
    "soak",
    "sweep",
    "track",
    "verify",
]
