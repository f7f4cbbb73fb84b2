"""Errors of the export toolchain become one LoweringError, unless they say nothing about the model."""

import pytest

from workbench.errors import LoweringError
from workbench.export.toolchain.errors import toolchain_errors

NO_MEMORY = "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried"


@pytest.mark.parametrize(
    ("raised", "error", "message"),
    [
        (
            RuntimeError("no such operator\nmore"),
            LoweringError,
            r"^lowering failed \(RuntimeError: no such operator\)$",
        ),
        (RuntimeError(NO_MEMORY), MemoryError, "can't allocate memory"),
        (OSError("No space left on device"), OSError, "No space left"),
    ],
)
def test_error_that_says_nothing_of_the_model_passes(raised: Exception, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message), toolchain_errors("lowering"):
        raise raised
