"""What the export toolchain raises, as one error of ours: it raises what it likes. What it prints, nobody asked for,
and what it keeps, nobody needs."""

import gc
import io
import linecache
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from executorch.exir.backend.utils import is_same_node
from torch._subclasses import FakeTensorMode
from torch.fx.graph_module import _loader as sources_of_graphs

from workbench.errors import LoweringError, WorkbenchError, first_line, is_out_of_memory


@contextmanager
def toolchain_errors(stage: str) -> Iterator[None]:
    """Raise LoweringError, with the first line, for whatever goes wrong within.

    Our own errors pass, and so do a full disk and want of memory: they say nothing of the model.
    """
    try:
        with redirect_stdout(io.StringIO()):  # stdout is for results, and some backends list each operator there
            yield
    except (WorkbenchError, OSError, MemoryError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        raise LoweringError(f"{stage} failed ({type(error).__name__}: {first_line(error)})") from error
    finally:
        _clear_toolchain_caches()


def _clear_toolchain_caches() -> None:
    """Empty the caches by which torch and ExecuTorch keep every graph, weights and all, for as long as the process."""
    FakeTensorMode.cache_clear()
    is_same_node.cache_clear()
    gc.collect()  # graphs are rings of references, and among so many objects the collector lets them wait
    sources_of_graphs.eval_cache.clear()  # some 700 modules are generated in a lowering, and each leaves its source
    linecache.clearcache()
