"""What the export toolchain raises, as one error of ours: it raises what it likes. What it prints, nobody asked for."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from workbench.errors import LoweringError, WorkbenchError, first_line, wants_memory


@contextmanager
def translated(stage: str) -> Iterator[None]:
    """Raise LoweringError, with the first line, for whatever goes wrong within.

    Our own errors pass, and so do a full disk and want of memory: they say nothing of the model.
    """
    try:
        with redirect_stdout(io.StringIO()):  # stdout is for results, and some backends list each operator there
            yield
    except (WorkbenchError, OSError, MemoryError):
        raise
    except Exception as error:
        if wants_memory(error):
            raise MemoryError(str(error)) from error
        raise LoweringError(f"{stage} failed ({type(error).__name__}: {first_line(error)})") from error
