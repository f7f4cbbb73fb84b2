"""Runs one task of a cluster: `python -m workbench.workflows.jobs.task TASK OUTCOME`.

It ends when its standard input ends, that is, when the worker that has started it is killed.
"""

import logging
import os
import sys
import threading
import warnings
from pathlib import Path

from workbench.workflows.jobs.cluster import run_task


def _end_with_the_worker() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    run_task(*map(Path, sys.argv[1:]))
