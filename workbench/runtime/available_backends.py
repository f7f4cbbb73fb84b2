"""What this runtime can run: the backends of a program's delegates, asked of ExecuTorch itself."""

from collections.abc import Iterable

from executorch.runtime import Runtime


def missing_backends(backends: Iterable[str]) -> tuple[str, ...]:
    """Those of the backends (`XnnpackBackend`, `CoreMLBackend`, ...) that this runtime does not have, or whose own
    library it does not find; each once. For a Child: to be asked, a backend may load that library."""
    registry = Runtime.get().backend_registry
    return tuple(name for name in dict.fromkeys(backends) if not registry.is_available(name))
