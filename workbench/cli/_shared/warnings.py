"""Warnings on the command line: the workbench's own as one line each, those of the libraries not at all."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from workbench.cli._shared.notes import note
from workbench.errors import WorkbenchWarning


@contextmanager
def one_line_warnings() -> Iterator[None]:
    """Prints every WorkbenchWarning as one line on stderr while the command runs.

    Warnings and log lines of the libraries (missing CUDA kernels, experimental interfaces) are not shown. Both settings
    are the process's, so they are restored at the end.
    """
    logging_was_disabled = logging.root.manager.disable
    with warnings.catch_warnings():
        logging.disable(logging.WARNING)
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", WorkbenchWarning)
        warnings.showwarning = _print_line
        try:
            yield
        finally:
            logging.disable(logging_was_disabled)


def _print_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    note(f"warning: {message}")
