"""The export toolchain raises exceptions of any type and keeps every graph: one context manager handles both."""

import gc
import linecache
from collections.abc import Iterator
from contextlib import contextmanager

from executorch.exir.backend.utils import is_same_node

from workbench.errors import ToolchainError, WorkbenchError, first_line, is_out_of_memory
from workbench.private_names import clear_graph_caches


@contextmanager
def toolchain_errors(stage: str) -> Iterator[None]:
    """Raises ToolchainError, with the first line of the cause, for any exception inside.

    The workbench's own errors pass unchanged, and so do a full disk and a lack of memory: they say nothing about the
    model.
    """
    try:
        yield
    except (WorkbenchError, OSError, MemoryError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        raise ToolchainError(f"{stage} failed ({type(error).__name__}: {first_line(error)})") from error
    finally:
        _clear_toolchain_caches()


def _clear_toolchain_caches() -> None:
    """Empties the caches in which torch and ExecuTorch keep every graph, with its weights, until the process ends."""
    clear_graph_caches()
    is_same_node.cache_clear()
    gc.collect()  # graphs are reference cycles, and with so many objects the collector runs rarely
    linecache.clearcache()  # one lowering generates some 700 modules, and each leaves its source
