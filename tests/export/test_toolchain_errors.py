"""Errors of the export toolchain become one LoweringError, unless they say nothing about the model."""

import pytest

from workbench.errors import LoweringError
from workbench.export.toolchain_errors import toolchain_errors


def test_toolchain_error_becomes_a_lowering_error() -> None:
    with pytest.raises(LoweringError) as caught, toolchain_errors("lowering"):
        raise RuntimeError("no such operator\nand more")
    assert str(caught.value) == "lowering failed (RuntimeError: no such operator)"


def test_out_of_memory_is_no_lowering_error() -> None:
    with pytest.raises(MemoryError), toolchain_errors("lowering"):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried")
