"""The private names of torch and ExecuTorch that the workbench uses, each with the reason. No other file imports one.

Neither package promises to keep them, so a new version of either is checked here first. A function imports what it
needs, so that importing this module imports neither package.
"""

import importlib.util
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any


def clear_graph_caches() -> None:
    """Empties the caches in which torch keeps every traced graph and its source until the process ends.

    Public functions reach neither: `torch.compiler.reset` empties the caches of `torch.compile` only.
    """
    from torch._subclasses import FakeTensorMode
    from torch.fx.graph_module import _loader

    FakeTensorMode.cache_clear()
    _loader.eval_cache.clear()


def executorch_runtime() -> Any:
    """Imports and returns `executorch.runtime` without ExecuTorch's compiler.

    The bindings import one class of warning from `executorch.exir`, and with it the whole compiler and torchao: 1,800
    modules and more than twice the time of torch, in every process that only runs a program. So a package of that name
    that has run no code takes its place meanwhile. A later `import executorch.exir` imports the real one.
    """
    compiler = "executorch.exir"
    spec = None if compiler in sys.modules else importlib.util.find_spec(compiler)
    if spec is not None:
        sys.modules[compiler] = importlib.util.module_from_spec(spec)
    try:
        from executorch import runtime
    finally:
        if spec is not None:
            del sys.modules[compiler]
            sys.modules.pop(f"{compiler}._warnings", None)
    return runtime


def read_pte(content: bytes) -> Any:
    """Returns a `.pte` as ExecuTorch's `PTEFile`: the program, its mutable data and its named data.

    ExecuTorch has no public reader. `ExecutorchProgramManager.executorch_program` is the program before it is written,
    which has neither the named data, where XNNPACK's weights are, nor the initial state.
    """
    from executorch.exir._serialize import _deserialize_pte_binary

    return _deserialize_pte_binary(content)


XNNPACK_BACKEND = "XnnpackBackend"


def xnnpack_nodes(delegate: bytes) -> list[tuple[str, int | None]]:
    """Returns the type and the debug handle of each node of a delegate of XNNPACK, in order.

    The handle is what links an operator to the lowered graph. It is in the file only: XNNPACK's preprocessing gives
    ExecuTorch's debugging tools an empty map, and the runtime reports operators by name.
    """
    from executorch.backends.xnnpack import serialization
    from executorch.backends.xnnpack.serialization.xnnpack_graph_serialize import XNNHeader
    from executorch.backends.xnnpack.xnnpack_preprocess import DEFAULT_DEBUG_HANDLE
    from executorch.exir._serialize._flatbuffer import _flatc_decompile

    header = XNNHeader.from_bytes(delegate[: XNNHeader.EXPECTED_LENGTH])
    graph = delegate[header.flatbuffer_offset : header.flatbuffer_offset + header.flatbuffer_size]
    with tempfile.TemporaryDirectory(prefix="workbench-") as name:
        folder = Path(name)
        (folder / "schema.fbs").write_bytes(resources.files(serialization).joinpath("schema.fbs").read_bytes())
        (folder / "graph.bin").write_bytes(graph)
        _flatc_decompile(str(folder), str(folder / "schema.fbs"), str(folder / "graph.bin"))
        text = (folder / "graph.json").read_text()
    nodes = json.loads(re.sub(r"(: -?)inf\b", r"\1Infinity", text))["xnodes"]  # flatc writes no strict JSON here
    return [
        (node["xnode_union_type"], None if node["debug_handle"] == DEFAULT_DEBUG_HANDLE else node["debug_handle"])
        for node in nodes
    ]


@contextmanager
def without_unused_patterns() -> Iterator[None]:
    """XNNPACK's lowering does not look for bilinear upsampling and attention, which no PESTO has.

    It exports both first, in each process that lowers, to compare them with the graph. Only one thread may lower at a
    time.
    """
    from executorch.backends.xnnpack.partition.graphs import bilinear_2d, sdpa

    kept = bilinear_2d.get_graphs_dict, sdpa.get_graphs
    bilinear_2d.get_graphs_dict, sdpa.get_graphs = dict, list
    try:
        yield
    finally:
        bilinear_2d.get_graphs_dict, sdpa.get_graphs = kept


def load_module(path: str) -> Any:
    """Loads a `.pte` so that its outputs can be read without a copy.

    The public `executorch.runtime.Method.execute` copies the outputs at each call, and the measured time of a probe
    would include the copy. Raises RuntimeError if the file does not load.
    """
    from executorch.extension.pybindings.portable_lib import _load_for_executorch

    return _load_for_executorch(path)


def pool_threads() -> int:
    """Returns the number of threads of ExecuTorch's thread pool. `executorch.runtime` does not mention the pool."""
    from executorch.extension.pybindings.portable_lib import _threadpool_get_thread_count

    count: int = _threadpool_get_thread_count()
    return count


def resize_pool(threads: int) -> None:
    """Sets the number of threads of ExecuTorch's thread pool; after a program was loaded this can crash the process."""
    from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool

    _unsafe_reset_threadpool(threads)
