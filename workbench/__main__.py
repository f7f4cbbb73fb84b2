"""`python -m workbench` and `workbench` are the same command.

A child process imports this module again, so the command line is imported only where it runs.
"""

import atexit
import gc


def main() -> None:
    """Runs the command line."""
    from workbench.cli import main as group

    atexit.register(gc.freeze)  # the last collection is slow if torch and ExecuTorch are imported
    group(prog_name="workbench")


if __name__ == "__main__":
    main()
