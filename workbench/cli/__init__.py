"""The command line. It alone prints, and turns errors into one line each on stderr and an exit code."""

from workbench.cli import bench, bundle, run, show, soak, sweep, track  # each adds its commands to the group
from workbench.cli.group import main

__all__ = ["bench", "bundle", "main", "run", "show", "soak", "sweep", "track"]
